#pragma once
// Samples in memory as a source, and what the tests of calibration share.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "calib/calibrate.h"
#include "runtime/runtime_models.h"

namespace ptq {

class FixedSource : public SampleSource {
 public:
  explicit FixedSource(std::vector<Sample> samples) : samples_(std::move(samples)) {}
  std::optional<Sample> next() override {
    return given_ == samples_.size() ? std::nullopt : std::optional(samples_[given_++]);
  }
  size_t size() const override { return samples_.size(); }
  std::vector<std::string> warnings() const override { return {}; }

 private:
  std::vector<Sample> samples_;
  size_t given_ = 0;
};

// Inputs that differ from sample to sample; `scale` and `shift` other than 1 and 0 make results
// depend on the order of additions.
inline std::vector<Sample> made_samples(const Model& model, size_t count, float scale = 1.0F,
                                        float shift = 0.0F) {
  std::vector<Sample> samples;
  for (size_t i = 0; i < count; ++i) {
    Sample sample{.origin = "sample " + std::to_string(i),
                  .inputs = exact_feeds(model, static_cast<uint32_t>(i) + 1)};
    for (auto& [name, tensor] : sample.inputs) {
      for (float& value : tensor.mutable_data<float>()) {
        value = value * scale + shift;
      }
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

// Residual blocks, several layouts, an activation whose padding is not zero, a product at the end.
inline Model mixed_model() {
  return exact_model(R"((float[N,8,7,5] x, float[12,8,1,1] w1, float[12,1,3,3] w2,
                         float[8,12,1,1] w3, float[280,10] w4) => (float[N,10] y)
    <float low = {0}, float high = {6}> {
      a = Conv (x, w1)
      b = Clip (a, low, high)
      c = Conv <group = 12, pads = [1, 1, 1, 1]> (b, w2)
      d = HardSigmoid <alpha = 0.25, beta = 0.5> (c)
      e = Conv (d, w3)
      s = Add (x, e)
      f = Flatten (s)
      m = MatMul (f, w4)
      y = Relu (m)
    })");
}
inline const std::vector<std::string> kMixedValues = {"x", "b", "d", "e", "s", "m", "y"};

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The statistics file of `stats`.
inline std::string file_bytes(const ActivationStats& stats) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / (std::to_string(getpid()) + "_calib.ptqstats");
  write_stats(stats, path);
  std::string bytes = file_bytes(path);
  std::filesystem::remove(path);
  return bytes;
}

}  // namespace ptq
