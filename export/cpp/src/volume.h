// Arrays of voxels and the grids that place them. Axis order is X, Y, Z everywhere; x lies fastest in memory.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <vector>

using Shape = std::array<long, 3>;

// Voxel indices to world RAS+ millimetres.
struct Grid {
    Shape shape;
    Eigen::Matrix4d affine;
};

inline Eigen::Vector3d voxel_sizes(const Eigen::Matrix4d& affine) {
    return affine.topLeftCorner<3, 3>().array().square().colwise().sum().sqrt().transpose();
}

template <typename T>
struct Array {
    Shape shape;
    std::vector<T> values;

    explicit Array(const Shape& of, T filled = T{}) : shape(of), values(std::size_t(of[0] * of[1] * of[2]), filled) {}

    std::size_t at(long x, long y, long z) const { return std::size_t(x + shape[0] * (y + shape[1] * z)); }
    T& operator()(long x, long y, long z) { return values[at(x, y, z)]; }
    const T& operator()(long x, long y, long z) const { return values[at(x, y, z)]; }
};

using Volume = Array<float>;
using Mask = Array<unsigned char>;
