#include "model.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": cannot be opened.");
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string sha256(const std::string& data) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    EVP_Digest(data.data(), data.size(), digest, &length, EVP_sha256(), nullptr);
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4];
        text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
}

void check_hash(std::string data, const std::string& digest, const std::string& path) {
    const std::size_t place = data.find(digest);
    if (digest.size() == 64 && place != std::string::npos) data.replace(place, 64, 64, '0');
    if (sha256(data) != digest) throw std::runtime_error(path + ": is damaged, its hash does not match.");
}

std::string metadata(const Ort::ModelMetadata& all, const char* key) {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto value = all.LookupCustomMetadataMapAllocated(key, allocator);
    return value ? value.get() : "";
}

std::vector<int64_t> batch_shape(std::size_t n, const Shape& shape) {
    return {int64_t(n), 1, shape[0], shape[1], shape[2]};
}

}  // namespace

Model::Model(const std::string& path, int threads) : path_(path), env_(ORT_LOGGING_LEVEL_FATAL) {
    const std::string data = read_file(path);
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(threads);
    session_ = Ort::Session(env_, data.data(), data.size(), options);
    const Ort::ModelMetadata all = session_.GetModelMetadata();
    if (metadata(all, "mtranslate.schema") != "1")
        throw std::runtime_error(path + ": is no mtranslate model of schema 1.");
    check_hash(data, metadata(all, "mtranslate.sha256"), path);
    spec_ = nlohmann::json::parse(metadata(all, "mtranslate.spec"));
    const auto& tiling = spec_.at("tiling");
    tiling_ = {tiling.at("patch").get<Shape>(), tiling.at("halo").get<Shape>(), tiling.at("overlap").get<double>(), {}};
    const auto level = tiling.find("skip_below");
    if (level != tiling.end() && !level->is_null()) tiling_.skip_below = level->get<float>();
    check_self_test();
}

std::vector<float> Model::predict(const std::vector<float>& patches) const {
    const Shape& patch = tiling_.patch;
    const std::size_t n = patches.size() / std::size_t(patch[0] * patch[1] * patch[2]);
    const auto taken = batch_shape(n, patch), given = batch_shape(n, tiling_.core());
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
    const auto input = Ort::Value::CreateTensor<float>(memory, const_cast<float*>(patches.data()), patches.size(),
                                                       taken.data(), taken.size());
    const char *source = "source", *synthetic = "synthetic";
    const auto outputs = session_.Run(Ort::RunOptions{}, &source, &input, 1, &synthetic, 1);
    const auto info = outputs[0].GetTensorTypeAndShapeInfo();
    if (info.GetShape() != given) throw std::runtime_error(path_ + ": answered in another shape than its spec says.");
    const float* answer = outputs[0].GetTensorData<float>();
    std::vector<float> result(answer, answer + info.GetElementCount());
    if (!std::all_of(result.begin(), result.end(), [](float value) { return std::isfinite(value); }))
        throw std::runtime_error(path_ + ": answered with NaN or infinity.");
    return result;
}

void Model::check_self_test() const {
    const auto [lo, hi] = value_range(spec_.at("source").at("scaling"));
    std::vector<float> patch;
    for (long x = 0; x < tiling_.patch[0]; ++x)
        for (long y = 0; y < tiling_.patch[1]; ++y)
            for (long z = 0; z < tiling_.patch[2]; ++z)
                patch.push_back(float(lo + (hi - lo) * (0.5 + 0.5 * std::sin(0.37 * x + 0.23 * y + 0.11 * z))));
    const std::vector<float> answer = predict(patch);
    const auto& test = spec_.at("self_test");
    double mean = 0, variance = 0;
    for (const float value : answer) mean += value / double(answer.size());
    for (const float value : answer) variance += (value - mean) * (value - mean) / double(answer.size());
    const auto samples = test.at("samples").get<std::vector<double>>();
    double worst = std::max(std::abs(mean - test.at("mean").get<double>()),
                            std::abs(std::sqrt(variance) - test.at("std").get<double>()));
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double place = i * (double(answer.size() - 1) / double(samples.size() - 1));
        worst = std::max(worst, std::abs(answer[std::size_t(std::nearbyint(place))] - samples[i]));
    }
    // Written so that a difference that is not a number fails too.
    if (!(worst <= test.at("tolerance").get<double>()))
        throw std::runtime_error(path_ + ": fails its self-test on this engine.");
}

float air_of(const nlohmann::json& channel) {
    return channel.at("scaling").at("kind") == "percentile" ? 0.0f : channel.at("background").get<float>();
}

std::pair<double, double> value_range(const nlohmann::json& scaling) {
    const std::string kind = scaling.at("kind");
    if (kind == "window") return {scaling.at("lo"), scaling.at("hi")};
    return {0.0, scaling.at(kind == "asinh" ? "hi" : "top")};
}
