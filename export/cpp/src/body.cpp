#include "body.h"

#include <algorithm>
#include <optional>

#include "tiles.h"

namespace {

constexpr long MARGIN = 8;
constexpr long SQUARE = 3;

using Extents = std::vector<std::optional<Box>>;

bool filled(const Volume& volume, float level, long left, long front, long z, long width, long height) {
    for (long y = front; y < front + height; ++y)
        for (long x = left; x < left + width; ++x)
            if (!(volume(x, y, z) > level)) return false;
    return true;
}

// The squares in slice `z` whose voxels are above `level`.
std::optional<Box> extent(const Volume& volume, float level, long z) {
    const long width = std::min(SQUARE, volume.shape[0]), height = std::min(SQUARE, volume.shape[1]);
    Box box{{volume.shape[0], volume.shape[1], z}, {-1, -1, z}};
    for (long y = 0; y <= volume.shape[1] - height; ++y)
        for (long x = 0; x <= volume.shape[0] - width; ++x) {
            if (!filled(volume, level, x, y, z, width, height)) continue;
            box.first = {std::min(box.first[0], x), std::min(box.first[1], y), z};
            box.last = {std::max(box.last[0], x + width - 1), std::max(box.last[1], y + height - 1), z};
        }
    if (box.last[0] < 0) return std::nullopt;
    return box;
}

std::optional<Box> joined(const Extents& extents, long first, long last) {
    std::optional<Box> all;
    for (long z = first; z <= last; ++z) {
        if (!extents[z]) continue;
        if (!all) all = extents[z];
        for (int i = 0; i < 3; ++i) {
            all->first[i] = std::min(all->first[i], extents[z]->first[i]);
            all->last[i] = std::max(all->last[i], extents[z]->last[i]);
        }
    }
    return all;
}

// With the margin along the first `axes`, as far as the volume has room.
Box grown(Box box, const Shape& shape, int axes) {
    for (int i = 0; i < axes; ++i) {
        box.first[i] = std::max(0L, box.first[i] - MARGIN);
        box.last[i] = std::min(shape[i] - 1, box.last[i] + MARGIN);
    }
    return box;
}

// Along one axis of a slice: as long as its patches can cover, from the coarsest multiple that holds it.
void steady(long& first, long& last, long size, long core, double overlap) {
    const auto [stride, count] = steps(last - first + 1, core, overlap);
    const long length = core + (count - 1) * stride;
    long start = 0;
    if (length < size)
        for (long pitch = 32; pitch > 0; pitch /= 2) {
            start = std::min(first / pitch * pitch, size - length);
            if (start + length > last) break;
        }
    first = start;
    last = std::min(size, start + length) - 1;
}

}  // namespace

std::vector<Box> body_boxes(const Volume& volume, const Tiling& tiling) {
    const Shape& shape = volume.shape;
    const long end = shape[2] - 1;
    if (!tiling.skip_below) return {Box{{0, 0, 0}, {shape[0] - 1, shape[1] - 1, end}}};
    Extents extents;
    for (long z = 0; z <= end; ++z) extents.push_back(extent(volume, *tiling.skip_below, z));
    std::vector<Box> result;
    if (tiling.core()[2] > 1) {
        if (const auto box = joined(extents, 0, end)) result.push_back(grown(*box, shape, 3));
        return result;
    }
    for (long z = 0; z <= end; ++z) {
        // What the patches of this slice see.
        auto box = joined(extents, std::max(0L, z - tiling.halo[2]), std::min(end, z + tiling.halo[2]));
        if (!box) continue;
        box->first[2] = box->last[2] = z;
        result.push_back(grown(*box, shape, 2));
        for (int i = 0; i < 2; ++i)
            steady(result.back().first[i], result.back().last[i], shape[i], tiling.core()[i], tiling.overlap);
    }
    return result;
}

void lay_down(const Volume& part, const Box& box, Volume& volume) {
    for (long z = 0; z < part.shape[2]; ++z)
        for (long y = 0; y < part.shape[1]; ++y)
            std::copy_n(&part.values[part.at(0, y, z)], part.shape[0],
                        &volume.values[volume.at(box.first[0], box.first[1] + y, box.first[2] + z)]);
}
