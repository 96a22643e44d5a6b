// FORMAT.md, sections 3.5 and 3.7: where patches lie, and how answers are blended.
#pragma once

#include <vector>

#include "model.h"
#include "volume.h"

// `volume`, in the graph's input units, translated patch by patch around the body. `outside` stands around the input,
// `air` in the result where there is no body.
Volume translate_body(const Volume& volume, const Model& model, float outside, float air);

// How far apart cores lie along an axis at most, and how many there are.
struct Steps {
    long stride, count;
};
Steps steps(long size, long length, double overlap);

// First voxel of each core along an axis.
std::vector<long> starts(long size, long length, double overlap);

// Blending weights of a core along X, Y, Z, z running fastest.
std::vector<float> window(const Shape& core);
