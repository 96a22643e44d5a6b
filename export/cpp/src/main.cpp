// Translate a volume with an mtranslate model file. Section numbers are those of FORMAT.md.
//
// Left out: the search of the file for foreign code (section 1), so run only models you trust or that
// `mtranslate inspect` accepted, and what of the envelope judges intensities (section 4).

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "foreground.h"
#include "geometry.h"
#include "model.h"
#include "nifti.h"
#include "tiles.h"

namespace {

using nlohmann::json;

// Voxel size and field of view against those of the training volumes. Section 4.
void check_envelope(const Grid& grid, const json& envelope) {
    if (envelope.is_null()) return;
    const Eigen::Vector3d sizes = voxel_sizes(grid.affine);
    for (int i = 0; i < 3; ++i) {
        const double extent = sizes[i] * double(grid.shape[i]);
        const auto outside = [&](const char* key, double found, double least, double most) {
            const auto& seen = envelope.at(key);
            return found < seen[0][i].get<double>() * least || found > seen[1][i].get<double>() * most;
        };
        if (outside("spacing", sizes[i], 0.5, 2.0) || outside("extent", extent, 0.4, 2.5)) {
            std::ostringstream text;
            text << "The volume has " << grid.shape[i] << " voxels of " << sizes[i] << " mm along " << "RAS"[i]
                 << "; the model was trained on voxels of " << envelope.at("spacing") << " and fields of view of "
                 << envelope.at("extent") << " mm.";
            throw std::runtime_error(text.str());
        }
    }
}

std::optional<Eigen::Vector3d> spacing_of(const json& spec) {
    const auto& spacing = spec.at("spacing");
    if (spacing.is_null()) return std::nullopt;
    return Eigen::Vector3d(spacing[0], spacing[1], spacing[2]);
}

// The synthetic volume in the target's units, stored as `scan` is. Section 3.
Volume translate(const Scan& scan, const Model& model) {
    const json& spec = model.spec();
    const json &source = spec.at("source"), &scaling = source.at("scaling"), &target = spec.at("target");
    const bool scaled = scaling.at("kind") == "percentile";
    const Order order = order_of(scan.grid.affine);
    const Volume oriented = orient(scan.volume, order);
    const auto [least, most] = std::minmax_element(oriented.values.begin(), oriented.values.end());
    if (*least == *most) throw std::runtime_error("The volume holds one value only.");
    const Grid canonical = orient(scan.grid, order), grid = spaced(canonical, spacing_of(spec));
    check_envelope(canonical, spec.at("envelope"));
    Volume prepared = resample(oriented, canonical, grid, scaled ? *least : source.at("background").get<float>());
    if (scaled)
        scale_by_percentiles(prepared, voxel_sizes(grid.affine), scaling.at("low"), scaling.at("high"),
                             scaling.at("top"));
    Volume result = translate_body(prepared, model, air_of(source), air_of(target));
    const auto [lo, hi] = value_range(target.at("scaling"));
    for (float& value : result.values) value = std::clamp(value, float(lo), float(hi));
    return orient_back(resample(result, grid, canonical, target.at("background")), order);
}

}  // namespace

int main(int count, char** words) {
    const int threads = count == 5 ? std::atoi(words[4]) : 0;
    if (count < 4 || count > 5 || (count == 5 && threads < 1)) {
        std::cerr << "Usage: translate MODEL.onnx INPUT.nii.gz OUTPUT.nii.gz [THREADS]\n";
        return 2;
    }
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);
    try {
        check_output(words[3]);
        const Model model(words[1], threads);
        const Scan scan = read_scan(words[2]);
        const bool int16 = model.spec().at("target").at("stored") == "int16";
        write_like(scan, translate(scan, model), int16, words[3]);
    } catch (const std::exception& error) {
        std::cerr << "Error: " << error.what() << "\n";
        return 1;
    }
}
