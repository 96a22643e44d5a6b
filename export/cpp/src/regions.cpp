#include "regions.h"

#include <algorithm>
#include <cmath>

namespace {

// Within `radius` along `axis`, any (or all) voxels are set; edges repeat, which changes neither.
void gather(Mask& mask, int axis, long radius, bool all) {
    std::vector<long> before;
    each_line(mask.shape, axis, [&](std::size_t start, std::size_t step, long n) {
        before.assign(std::size_t(n) + 1, 0);
        for (long i = 0; i < n; ++i) before[i + 1] = before[i] + mask.values[start + std::size_t(i) * step];
        for (long i = 0; i < n; ++i) {
            const long first = std::max(0L, i - radius), last = std::min(n, i + radius + 1);
            const long set = before[last] - before[first];
            mask.values[start + std::size_t(i) * step] = all ? set == last - first : set > 0;
        }
    });
}

// Marks everything reachable from the voxels in `todo` with `mark`, over faces along the first `axes` axes; returns how
// many.
long spread(const Mask& mask, unsigned char wanted, std::vector<std::array<long, 3>>& todo, Array<int>& marks, int mark,
            int axes) {
    long count = 0;
    while (!todo.empty()) {
        const auto voxel = todo.back();
        todo.pop_back();
        ++count;
        for (int axis = 0; axis < axes; ++axis)
            for (const long way : {-1L, 1L}) {
                auto next = voxel;
                next[axis] += way;
                if (next[axis] < 0 || next[axis] >= mask.shape[axis]) continue;
                int& seen = marks(next[0], next[1], next[2]);
                if (seen || mask(next[0], next[1], next[2]) != wanted) continue;
                seen = mark;
                todo.push_back(next);
            }
    }
    return count;
}

}  // namespace

void close_gaps(Mask& mask, const Eigen::Vector3d& sizes) {
    for (const bool all : {false, true})
        for (int axis = 0; axis < 3; ++axis) gather(mask, axis, long(std::nearbyint(3 / sizes[axis])), all);
}

void keep_largest(Mask& mask) {
    Array<int> marks(mask.shape);
    std::vector<std::array<long, 3>> todo;
    int mark = 0, best = 0;
    long largest = 0;
    for (long x = 0; x < mask.shape[0]; ++x)
        for (long y = 0; y < mask.shape[1]; ++y)
            for (long z = 0; z < mask.shape[2]; ++z) {
                if (!mask(x, y, z) || marks(x, y, z)) continue;
                marks(x, y, z) = ++mark;
                todo.push_back({x, y, z});
                const long size = spread(mask, 1, todo, marks, mark, 3);
                if (size > largest) largest = size, best = mark;
            }
    for (std::size_t i = 0; i < mask.values.size(); ++i) mask.values[i] = best && marks.values[i] == best;
}

void fill_planes(Mask& mask) {
    Array<int> outside(mask.shape);
    std::vector<std::array<long, 3>> todo;
    for (long z = 0; z < mask.shape[2]; ++z)
        for (long y = 0; y < mask.shape[1]; ++y)
            for (long x = 0; x < mask.shape[0]; ++x) {
                const bool border = x == 0 || y == 0 || x == mask.shape[0] - 1 || y == mask.shape[1] - 1;
                if (!border || mask(x, y, z) || outside(x, y, z)) continue;
                outside(x, y, z) = 1;
                todo.push_back({x, y, z});
                spread(mask, 0, todo, outside, 1, 2);
            }
    for (std::size_t i = 0; i < mask.values.size(); ++i) mask.values[i] = !outside.values[i];
}
