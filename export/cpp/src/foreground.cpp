#include "foreground.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "regions.h"

namespace {

// numpy's "linear" percentile; reorders the values.
double percentile(std::vector<double>& values, double q) {
    const double h = double(values.size() - 1) * (q / 100), floor = std::floor(h), t = h - floor;
    const auto below = values.begin() + long(floor);
    std::nth_element(values.begin(), below, values.end());
    const double a = *below;
    if (below + 1 == values.end()) return a;
    const double b = *std::min_element(below + 1, values.end());
    return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

// Mean of three along each axis with voxels up to 2.5 mm; edges repeat.
Volume smoothed(const Volume& volume, const Eigen::Vector3d& sizes) {
    Volume result = volume;
    for (int axis = 0; axis < 3; ++axis) {
        if (sizes[axis] > 2.5) continue;
        const Volume from = result;
        each_line(from.shape, axis, [&](std::size_t start, std::size_t step, long n) {
            const float* line = &from.values[start];
            for (long i = 0; i < n; ++i) {
                const double before = line[std::max(i - 1, 0L) * long(step)],
                             after = line[std::min(i + 1, n - 1) * long(step)];
                result.values[start + std::size_t(i) * step] = float((before + line[i * long(step)] + after) / 3);
            }
        });
    }
    return result;
}

// Otsu's threshold in 256 bins, as scikit-image has it: counts in f32, means in f64.
double otsu(const std::vector<double>& values) {
    constexpr int kBins = 256;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const double lo = *least, hi = *most;
    if (lo == hi) return values.front();
    std::array<double, kBins + 1> edges;
    for (int i = 0; i < kBins; ++i) edges[i] = i * ((hi - lo) / kBins) + lo;
    edges[kBins] = hi;
    std::array<float, kBins> counts{};
    for (const double value : values) {
        int bin = std::min(int((value - lo) / (hi - lo) * kBins), kBins - 1);
        if (value < edges[bin]) --bin;
        if (bin < kBins - 1 && value >= edges[bin + 1]) ++bin;
        counts[bin] += 1;
    }
    std::array<double, kBins> centres, below_mean, above_mean;
    std::array<float, kBins> below, above;
    float count = 0;
    double sum = 0;
    for (int i = 0; i < kBins; ++i) {
        centres[i] = (edges[i] + edges[i + 1]) / 2;
        below[i] = count += counts[i];
        below_mean[i] = (sum += counts[i] * centres[i]) / count;
    }
    count = 0;
    sum = 0;
    for (int i = kBins - 1; i >= 0; --i) {
        above[i] = count += counts[i];
        above_mean[i] = (sum += counts[i] * centres[i]) / count;
    }
    int best = 0;
    double largest = -1;
    for (int i = 0; i + 1 < kBins; ++i) {
        const double apart = below_mean[i] - above_mean[i + 1], variance = below[i] * above[i + 1] * (apart * apart);
        if (variance > largest) largest = variance, best = i;
    }
    return centres[best];
}

double air_threshold(const Volume& volume) {
    const long m = std::max(1L, long(std::ceil(std::pow(double(volume.values.size()) / 1e6, 1.0 / 3))));
    std::vector<double> values;
    for (long x = 0; x < volume.shape[0]; x += m)
        for (long y = 0; y < volume.shape[1]; y += m)
            for (long z = 0; z < volume.shape[2]; z += m) values.push_back(volume(x, y, z));
    const double lo = percentile(values, 1), body = percentile(values, 90), hi = percentile(values, 99);
    const bool filled = body - lo > 0.12 * (hi - lo);
    const double scale = filled ? body - lo : hi - lo, gain = filled ? 300 : 30;
    if (scale <= 0) return *std::min_element(volume.values.begin(), volume.values.end());
    for (double& value : values) value = std::log1p(gain * std::clamp((value - lo) / scale, 0.0, 1.0));
    return lo + scale * std::expm1(otsu(values)) / gain;
}

}  // namespace

Mask foreground(const Volume& volume, const Eigen::Vector3d& sizes) {
    const Volume smooth = smoothed(volume, sizes);
    const double threshold = air_threshold(smooth);
    Mask bright(volume.shape);
    for (std::size_t i = 0; i < bright.values.size(); ++i)
        bright.values[i] = smooth.values[i] > threshold && volume.values[i] > threshold;
    if (!std::count(bright.values.begin(), bright.values.end(), 1)) {
        const float least = *std::min_element(volume.values.begin(), volume.values.end());
        for (std::size_t i = 0; i < bright.values.size(); ++i) bright.values[i] = volume.values[i] > least;
    }
    close_gaps(bright, sizes);
    keep_largest(bright);
    fill_planes(bright);
    return bright;
}

void scale_by_percentiles(Volume& volume, const Eigen::Vector3d& sizes, double low, double high, double top) {
    const Mask mask = foreground(volume, sizes);
    std::vector<double> inside;
    for (std::size_t i = 0; i < mask.values.size(); ++i)
        if (mask.values[i]) inside.push_back(volume.values[i]);
    if (inside.empty()) inside.assign(volume.values.begin(), volume.values.end());
    const double lo = percentile(inside, low), hi = percentile(inside, high);
    const float offset = float(lo), factor = hi > lo ? float(top / (hi - lo)) : 0.0f;
    for (float& value : volume.values) value = (value - offset) * factor;
}
