// Masks: closing, the largest component, holes. FORMAT.md, section 3.4, steps 4 to 6.
#pragma once

#include "volume.h"

// Calls line(start, step, n) for every line of voxels along `axis`: voxel i lies at start + i * step.
template <typename Line>
void each_line(const Shape& shape, int axis, Line line) {
    const long inner = axis == 0 ? 1 : axis == 1 ? shape[0] : shape[0] * shape[1];
    const long outer = shape[0] * shape[1] * shape[2] / (inner * shape[axis]);
    for (long o = 0; o < outer; ++o)
        for (long i = 0; i < inner; ++i)
            line(std::size_t(o * inner * shape[axis] + i), std::size_t(inner), shape[axis]);
}

// Closes gaps up to about 6 mm; `sizes` are those of a voxel, in mm.
void close_gaps(Mask& mask, const Eigen::Vector3d& sizes);

// Keeps the largest face-connected component; of equals the first, z running fastest.
void keep_largest(Mask& mask);

// Fills, in each plane of constant z, what no way over faces joins to the plane's border.
void fill_planes(Mask& mask);
