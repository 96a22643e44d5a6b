#include "body.h"

#include <algorithm>

namespace {

constexpr long MARGIN = 8;

// Rows along x of `box` start at these voxels of the volume and of the part.
template <typename Row>
void each_row(const Volume& volume, const Volume& part, const Box& box, Row row) {
    for (long z = 0; z < part.shape[2]; ++z)
        for (long y = 0; y < part.shape[1]; ++y)
            row(volume.at(box.first[0], box.first[1] + y, box.first[2] + z), part.at(0, y, z));
}

}  // namespace

std::optional<Box> body_box(const Volume& volume, const std::optional<float>& level) {
    const Shape& shape = volume.shape;
    if (!level) return Box{{0, 0, 0}, {shape[0] - 1, shape[1] - 1, shape[2] - 1}};
    Box box{shape, {-1, -1, -1}};
    for (long z = 0; z < shape[2]; ++z)
        for (long y = 0; y < shape[1]; ++y)
            for (long x = 0; x < shape[0]; ++x) {
                if (!(volume(x, y, z) > *level)) continue;
                const Shape at{x, y, z};
                for (int i = 0; i < 3; ++i) {
                    box.first[i] = std::min(box.first[i], at[i]);
                    box.last[i] = std::max(box.last[i], at[i]);
                }
            }
    if (box.last[0] < 0) return std::nullopt;
    for (int i = 0; i < 3; ++i) {
        box.first[i] = std::max(0L, box.first[i] - MARGIN);
        box.last[i] = std::min(shape[i] - 1, box.last[i] + MARGIN);
    }
    return box;
}

Volume cropped(const Volume& volume, const Box& box) {
    Volume part(box.shape());
    each_row(volume, part, box, [&](std::size_t from, std::size_t to) {
        std::copy_n(&volume.values[from], part.shape[0], &part.values[to]);
    });
    return part;
}

void lay_down(const Volume& part, const Box& box, Volume& volume) {
    each_row(volume, part, box, [&](std::size_t to, std::size_t from) {
        std::copy_n(&part.values[from], part.shape[0], &volume.values[to]);
    });
}
