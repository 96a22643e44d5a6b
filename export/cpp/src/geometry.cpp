#include "geometry.h"

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace {

constexpr double kDrift = 1e-3;
constexpr double kEdge = 0.5 + 1e-4;

// Where target voxel j lies along one axis, in source voxels.
std::vector<double> centres(long source, long target, double step) {
    std::vector<double> result(target);
    for (long j = 0; j < target; ++j) result[j] = (source - 1) / 2.0 + (j - (target - 1) / 2.0) * step;
    return result;
}

bool in_place(const std::vector<double>& places, long size) {
    if (long(places.size()) != size) return false;
    for (long j = 0; j < size; ++j)
        if (std::abs(places[j] - j) > kDrift) return false;
    return true;
}

bool matches(const Grid& source, const Grid& target, const std::array<std::vector<double>, 3>& places) {
    if (source.shape != target.shape) return false;
    for (int corner = 0; corner < 8; ++corner) {
        Eigen::Vector3d moved;
        for (int i = 0; i < 3; ++i) {
            const long index = corner >> i & 1 ? source.shape[i] - 1 : 0;
            moved[i] = places[i][index] - index;
        }
        if ((source.affine.topLeftCorner<3, 3>() * moved).cwiseAbs().maxCoeff() > kDrift) return false;
    }
    return true;
}

struct Taps {
    long first;
    std::vector<double> weights;
};

// The triangle kernel for a sample at c on an axis of n voxels; see FORMAT.md 3.3 for the names.
Taps triangle(double c, double step, long n) {
    const double width = std::max(1.0, step);
    const double first = std::floor(c - width) + 1;
    const int count = int(std::ceil(2 * width)) + 1;
    std::vector<double> g(count), t(count);
    double s0 = 0, s1 = 0, s2 = 0;
    for (int i = 0; i < count; ++i) {
        const double k = first + i, a = k - c;
        g[i] = k < 0 || k > n - 1 ? 0.0 : std::max(0.0, 1 - std::abs(a) / width);
        s0 += g[i];
        s1 += g[i] * a;
        s2 += g[i] * a * a;
    }
    bool kept = s0 * s2 - s1 * s1 > 1e-9;
    for (int i = 0; i < count; ++i) {
        t[i] = g[i] * (s2 - s1 * (first + i - c));
        kept = kept && t[i] >= -1e-9;
    }
    if (kept) std::transform(t.begin(), t.end(), g.begin(), [](double weight) { return std::max(weight, 0.0); });
    const double sum = std::accumulate(g.begin(), g.end(), 0.0);
    for (double& weight : g) weight /= sum > 0 ? sum : 1;
    return {long(first), g};
}

Volume along(const Volume& volume, int axis, const std::vector<double>& places, double step) {
    Shape shape = volume.shape;
    const long n = shape[axis];
    shape[axis] = long(places.size());
    Volume result(shape);
    const long inner = axis == 0 ? 1 : axis == 1 ? shape[0] : shape[0] * shape[1];
    const long outer = axis == 2 ? 1 : axis == 1 ? shape[2] : shape[1] * shape[2];
    for (long j = 0; j < shape[axis]; ++j) {
        const Taps taps = triangle(places[j], step, n);
        for (std::size_t i = 0; i < taps.weights.size(); ++i) {
            const long k = taps.first + long(i);
            const float weight = float(taps.weights[i]);
            if (k < 0 || k >= n || weight == 0) continue;
            for (long o = 0; o < outer; ++o) {
                const float* from = &volume.values[std::size_t((o * n + k) * inner)];
                float* to = &result.values[std::size_t((o * shape[axis] + j) * inner)];
                for (long v = 0; v < inner; ++v) to[v] += weight * from[v];
            }
        }
    }
    return result;
}

void fill_outside(Volume& volume, int axis, const std::vector<double>& places, long n, float background) {
    for (long j = 0; j < volume.shape[axis]; ++j) {
        if (places[j] >= -kEdge && places[j] <= n - 1 + kEdge) continue;
        Shape from{0, 0, 0}, to = volume.shape;
        from[axis] = j;
        to[axis] = j + 1;
        for (long z = from[2]; z < to[2]; ++z)
            for (long y = from[1]; y < to[1]; ++y)
                for (long x = from[0]; x < to[0]; ++x) volume(x, y, z) = background;
    }
}

// The index in an array stored as the input of the voxel (x, y, z) of the oriented array of `shape`.
std::array<long, 3> stored_index(const Shape& shape, const Order& order, const std::array<long, 3>& oriented) {
    std::array<long, 3> index;
    for (int i = 0; i < 3; ++i) {
        const int axis = order.axis[i];
        index[i] = order.flipped[i] ? shape[axis] - 1 - oriented[axis] : oriented[axis];
    }
    return index;
}

template <typename Copy>
void each_voxel(const Shape& oriented, const Order& order, Copy copy) {
    for (long z = 0; z < oriented[2]; ++z)
        for (long y = 0; y < oriented[1]; ++y)
            for (long x = 0; x < oriented[0]; ++x) copy(x, y, z, stored_index(oriented, order, {x, y, z}));
}

}  // namespace

Order order_of(const Eigen::Matrix4d& affine) {
    Eigen::Matrix3d columns = affine.topLeftCorner<3, 3>();
    columns.colwise().normalize();
    const Eigen::JacobiSVD<Eigen::Matrix3d> svd(columns, Eigen::ComputeFullU | Eigen::ComputeFullV);
    Eigen::Matrix3d rotation = svd.matrixU() * svd.matrixV().transpose();
    std::array<int, 3> first{0, 1, 2};
    std::array<double, 3> strongest;
    for (int i = 0; i < 3; ++i) strongest[i] = rotation.col(i).array().square().maxCoeff();
    std::stable_sort(first.begin(), first.end(), [&](int a, int b) { return strongest[a] > strongest[b]; });
    Order order{};
    for (const int i : first) {
        int world;
        rotation.col(i).cwiseAbs().maxCoeff(&world);
        order.axis[i] = world;
        order.flipped[i] = rotation(world, i) < 0;
        rotation.row(world).setZero();
    }
    return order;
}

Volume orient(const Volume& volume, const Order& order) {
    Shape shape;
    for (int i = 0; i < 3; ++i) shape[order.axis[i]] = volume.shape[i];
    Volume result(shape);
    each_voxel(shape, order, [&](long x, long y, long z, const std::array<long, 3>& stored) {
        result(x, y, z) = volume(stored[0], stored[1], stored[2]);
    });
    return result;
}

Grid orient(const Grid& grid, const Order& order) {
    Grid result;
    Eigen::Matrix4d moved = Eigen::Matrix4d::Zero();
    moved(3, 3) = 1;
    for (int i = 0; i < 3; ++i) {
        result.shape[order.axis[i]] = grid.shape[i];
        moved(i, order.axis[i]) = order.flipped[i] ? -1 : 1;
        moved(i, 3) = order.flipped[i] ? double(grid.shape[i] - 1) : 0;
    }
    result.affine = grid.affine * moved;
    return result;
}

Volume orient_back(const Volume& volume, const Order& order) {
    Shape shape;
    for (int i = 0; i < 3; ++i) shape[i] = volume.shape[order.axis[i]];
    Volume result(shape);
    each_voxel(volume.shape, order, [&](long x, long y, long z, const std::array<long, 3>& stored) {
        result(stored[0], stored[1], stored[2]) = volume(x, y, z);
    });
    return result;
}

Grid spaced(const Grid& grid, const std::optional<Eigen::Vector3d>& spacing) {
    const Eigen::Vector3d old = voxel_sizes(grid.affine);
    if (!spacing || ((old - *spacing).cwiseAbs().array() <= 1e-4 * spacing->array()).all()) return grid;
    Grid result = grid;
    Eigen::Vector3d middle, moved;
    for (int i = 0; i < 3; ++i) {
        // nearbyint rounds halves to even.
        result.shape[i] = std::max(1L, long(std::nearbyint(double(grid.shape[i]) * old[i] / (*spacing)[i])));
        result.affine.col(i).head<3>() *= (*spacing)[i] / old[i];
        middle[i] = (grid.shape[i] - 1) / 2.0;
        moved[i] = (result.shape[i] - 1) / 2.0;
    }
    result.affine.col(3).head<3>() += grid.affine.topLeftCorner<3, 3>() * middle;
    result.affine.col(3).head<3>() -= result.affine.topLeftCorner<3, 3>() * moved;
    return result;
}

Volume resample(const Volume& volume, const Grid& source, const Grid& target, float background) {
    const Eigen::Vector3d steps = voxel_sizes(target.affine).cwiseQuotient(voxel_sizes(source.affine));
    std::array<std::vector<double>, 3> places;
    for (int i = 0; i < 3; ++i) places[i] = centres(source.shape[i], target.shape[i], steps[i]);
    if (matches(source, target, places)) return volume;
    std::array<int, 3> first{0, 1, 2};
    std::stable_sort(first.begin(), first.end(), [&](int a, int b) {
        return double(target.shape[a]) / source.shape[a] < double(target.shape[b]) / source.shape[b];
    });
    Volume result = volume;
    for (const int i : first)
        if (!in_place(places[i], source.shape[i])) result = along(result, i, places[i], steps[i]);
    for (int i = 0; i < 3; ++i) fill_outside(result, i, places[i], source.shape[i], background);
    return result;
}
