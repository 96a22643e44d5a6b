// FORMAT.md, sections 3.1 to 3.3: storage order, target grid, resampling.
#pragma once

#include <optional>

#include "volume.h"

// For each input axis, the world axis (0 R, 1 A, 2 S) it runs along, and whether against it.
struct Order {
    std::array<int, 3> axis;
    std::array<bool, 3> flipped;
};

Order order_of(const Eigen::Matrix4d& affine);

// The volume stored along R, A, S, and its grid.
Volume orient(const Volume& volume, const Order& order);
Grid orient(const Grid& grid, const Order& order);

// The inverse of `orient`.
Volume orient_back(const Volume& volume, const Order& order);

// The grid with the same centre and voxels of `spacing` mm.
Grid spaced(const Grid& grid, const std::optional<Eigen::Vector3d>& spacing);

// `volume` on the grid `source` as seen by `target`, one of which came from the other by `spaced`.
Volume resample(const Volume& volume, const Grid& source, const Grid& target, float background);
