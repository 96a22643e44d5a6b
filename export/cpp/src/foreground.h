// FORMAT.md, section 3.4: a volume without units, scaled by two percentiles of its foreground.
#pragma once

#include "volume.h"

// Tissue against air; `sizes` are those of a voxel, in mm.
Mask foreground(const Volume& volume, const Eigen::Vector3d& sizes);

// Percentiles `low` and `high` of the foreground become 0 and `top`.
void scale_by_percentiles(Volume& volume, const Eigen::Vector3d& sizes, double low, double high, double top);
