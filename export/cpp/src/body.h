// FORMAT.md, section 3.5: the boxes around the body, outside which nothing is run.
#pragma once

#include <vector>

#include "model.h"
#include "volume.h"

// Voxels `first` to `last` along each axis.
struct Box {
    Shape first, last;

    Shape shape() const { return {last[0] - first[0] + 1, last[1] - first[1] + 1, last[2] - first[2] + 1}; }
};

// In order of z. Together they hold every square of 3 x 3 voxels of a slice that are above the level, and 8 more on
// each side: the whole volume without a level, a box for each slice where the core is one slice, none without a square.
// Boxes of slices are as large as their number of patches allows, so that they can begin where those of their
// neighbours do.
std::vector<Box> body_boxes(const Volume& volume, const Tiling& tiling);

// `part` laid down in `volume`.
void lay_down(const Volume& part, const Box& box, Volume& volume);
