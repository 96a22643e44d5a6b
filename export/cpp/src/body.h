// FORMAT.md, section 3.5: the box around the body, outside which nothing is run.
#pragma once

#include <optional>

#include "volume.h"

// Voxels `first` to `last` along each axis.
struct Box {
    Shape first, last;

    Shape shape() const { return {last[0] - first[0] + 1, last[1] - first[1] + 1, last[2] - first[2] + 1}; }
};

// Holds every voxel above `level` and 8 more on each side; the whole volume without a level, none if no voxel is above.
std::optional<Box> body_box(const Volume& volume, const std::optional<float>& level);

// The part of `volume` in `box`, and its inverse: `part` laid down in `volume`.
Volume cropped(const Volume& volume, const Box& box);
void lay_down(const Volume& part, const Box& box, Volume& volume);
