// A model file: its spec, and the graph ready to run. FORMAT.md, sections 1, 2, 3.6 and 5.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "volume.h"

struct Tiling {
    Shape patch, halo;
    double overlap;
    // Where no voxel is above, there is no body and nothing is run.
    std::optional<float> skip_below;

    Shape core() const { return {patch[0] - 2 * halo[0], patch[1] - 2 * halo[1], patch[2] - 2 * halo[2]}; }
};

class Model {
 public:
    // Throws std::runtime_error for a file that is no whole mtranslate model or fails its own test. `threads` 0: all.
    explicit Model(const std::string& path, int threads = 0);

    const nlohmann::json& spec() const { return spec_; }
    const Tiling& tiling() const { return tiling_; }

    // Patches, one after the other and z fastest in each, to cores.
    std::vector<float> predict(const std::vector<float>& patches) const;

 private:
    void check_self_test() const;

    std::string path_;
    nlohmann::json spec_;
    Tiling tiling_;
    Ort::Env env_;
    mutable Ort::Session session_{nullptr};
};

// The value of air in host units of a channel.
float air_of(const nlohmann::json& channel);

// What the scaling of a channel can express, in host units.
std::pair<double, double> value_range(const nlohmann::json& scaling);
