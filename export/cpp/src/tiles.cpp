#include "tiles.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "body.h"

namespace {

long voxels(const Shape& shape) { return shape[0] * shape[1] * shape[2]; }

// The patch whose core starts at `corner`, z running fastest.
void cut(const Volume& volume, const Shape& corner, const Tiling& tiling, float outside, float* patch) {
    for (long x = 0; x < tiling.patch[0]; ++x)
        for (long y = 0; y < tiling.patch[1]; ++y)
            for (long z = 0; z < tiling.patch[2]; ++z) {
                const Shape at{corner[0] - tiling.halo[0] + x, corner[1] - tiling.halo[1] + y,
                               corner[2] - tiling.halo[2] + z};
                bool inside = true;
                for (int i = 0; i < 3; ++i) inside = inside && at[i] >= 0 && at[i] < volume.shape[i];
                *patch++ = inside ? volume(at[0], at[1], at[2]) : outside;
            }
}

struct Blend {
    Array<double> total;
    Volume weights;

    explicit Blend(const Shape& shape) : total(shape), weights(shape) {}

    void add(const Shape& corner, const Shape& core, const std::vector<float>& window, const float* answer) {
        const Shape& shape = total.shape;
        for (long x = 0; x < std::min(core[0], shape[0] - corner[0]); ++x)
            for (long y = 0; y < std::min(core[1], shape[1] - corner[1]); ++y)
                for (long z = 0; z < std::min(core[2], shape[2] - corner[2]); ++z) {
                    const long i = z + core[2] * (y + core[1] * x);
                    const std::size_t at = total.at(corner[0] + x, corner[1] + y, corner[2] + z);
                    total.values[at] += double(answer[i]) * double(window[i]);
                    weights.values[at] += window[i];
                }
    }

    Volume result() const {
        Volume mean(total.shape);
        for (std::size_t i = 0; i < mean.values.size(); ++i)
            mean.values[i] = float(total.values[i] / double(weights.values[i]));
        return mean;
    }
};

std::vector<Shape> corners(const Shape& shape, const Shape& core, double overlap) {
    std::vector<Shape> result;
    for (const long z : starts(shape[2], core[2], overlap))
        for (const long x : starts(shape[0], core[0], overlap))
            for (const long y : starts(shape[1], core[1], overlap)) result.push_back({x, y, z});
    return result;
}

bool has_body(const std::vector<float>& patch, const std::optional<float>& level) {
    return !level || *std::max_element(patch.begin(), patch.end()) > *level;
}

// Where one core lies: in which box, and its first voxel, counted from the box's.
struct Place {
    std::size_t box;
    Shape corner;
};

// Cores come in the order of their boxes; a box is laid down as soon as its last core is in.
class Painter {
   public:
    Painter(const std::vector<Box>& boxes, const Shape& shape, const Shape& core, float air)
        : boxes_(boxes), core_(core), weights_(window(core)), result_(shape, air) {}

    void add(const Place& place, const float* answer) {
        if (blend_ && place.box != current_) finish();
        if (!blend_) blend_.emplace(boxes_[place.box].shape());
        current_ = place.box;
        blend_->add(place.corner, core_, weights_, answer);
    }

    Volume result() && {
        if (blend_) finish();
        return std::move(result_);
    }

   private:
    void finish() {
        lay_down(blend_->result(), boxes_[current_], result_);
        blend_.reset();
    }

    const std::vector<Box>& boxes_;
    const Shape core_;
    const std::vector<float> weights_;
    Volume result_;
    std::size_t current_ = 0;
    std::optional<Blend> blend_;
};

}  // namespace

// Every patch that holds a body is run; the others' answer is `air` everywhere.
Volume translate_body(const Volume& volume, const Model& model, float outside, float air) {
    const Tiling& tiling = model.tiling();
    const Shape core = tiling.core();
    const std::vector<float> empty(std::size_t(voxels(core)), air);
    const std::size_t size = std::size_t(voxels(tiling.patch));
    // As many at once as `mtranslate convert`: the last bits of an engine's answer may depend on it.
    const std::size_t batch = std::clamp<std::size_t>((1UL << 20) / size, 1, 4);
    const std::vector<Box> boxes = body_boxes(volume, tiling);
    Painter painter(boxes, volume.shape, core, air);
    std::vector<Place> waiting;
    std::vector<bool> run;
    std::vector<float> patches, patch(size);
    const auto flush = [&] {
        const std::vector<float> answers = patches.empty() ? patches : model.predict(patches);
        const float* next = answers.data();
        for (std::size_t i = 0; i < waiting.size(); ++i) {
            painter.add(waiting[i], run[i] ? next : empty.data());
            if (run[i]) next += voxels(core);
        }
        waiting.clear(), run.clear(), patches.clear();
    };
    for (std::size_t i = 0; i < boxes.size(); ++i)
        for (const Shape& corner : corners(boxes[i].shape(), core, tiling.overlap)) {
            const Shape& first = boxes[i].first;
            cut(volume, {first[0] + corner[0], first[1] + corner[1], first[2] + corner[2]}, tiling, outside,
                patch.data());
            waiting.push_back({i, corner});
            run.push_back(has_body(patch, tiling.skip_below));
            if (run.back()) patches.insert(patches.end(), patch.begin(), patch.end());
            if (patches.size() == batch * size) flush();
        }
    flush();
    return std::move(painter).result();
}

Steps steps(long size, long length, double overlap) {
    const long stride = std::max(1L, long(length * (1 - overlap)));
    return {stride, (std::max(0L, size - length) + stride - 1) / stride + 1};
}

std::vector<long> starts(long size, long length, double overlap) {
    if (size <= length) return {0};
    const long count = steps(size, length, overlap).count;
    std::vector<long> result;
    for (long i = 0; i + 1 < count; ++i)
        result.push_back(long(std::nearbyint(i * (double(size - length) / double(count - 1)))));
    result.push_back(size - length);
    return result;
}

std::vector<float> window(const Shape& core) {
    std::array<std::vector<double>, 3> along;
    for (int axis = 0; axis < 3; ++axis)
        for (long i = 0; i < core[axis]; ++i) {
            const double away = core[axis] > 1 ? (i - (core[axis] - 1) / 2.0) / (core[axis] / 8.0) : 0;
            along[axis].push_back(std::exp(-0.5 * away * away));
        }
    std::vector<float> result;
    for (const double x : along[0])
        for (const double y : along[1])
            for (const double z : along[2])
                result.push_back(float(std::max(std::nearbyint(4096 * (x * y * z)), 5.0) / 4096));
    return result;
}
