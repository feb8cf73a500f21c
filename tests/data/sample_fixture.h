#pragma once
// What the tests of sample sources share: a folder for the data, and reading it to the end.

#include <filesystem>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "data/sample_check.h"
#include "data/sample_source.h"
#include "ptq/error.h"

namespace ptq::testing {

inline const std::vector<InputSpec> kImage = {{"x", DType::kFloat, {-1, 2, 2}}};

inline std::vector<float> ramp(size_t count, float first = 0) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

inline std::vector<Sample> read_all(SampleSource& source) {
  std::vector<Sample> samples;
  while (std::optional<Sample> sample = source.next()) {
    samples.push_back(std::move(*sample));
  }
  EXPECT_EQ(samples.size(), source.size());
  EXPECT_FALSE(source.next().has_value());
  return samples;
}

inline std::string fingerprint_of(const std::vector<Sample>& samples) {
  std::vector<Digest> hashes;
  for (const Sample& sample : samples) {
    hashes.push_back(sample_hash(sample));
  }
  return multiset_fingerprint(hashes);
}

class SampleSourceTest : public ::testing::Test {
 protected:
  std::vector<Sample> samples(const std::filesystem::path& path,
                              const std::vector<InputSpec>& inputs = kImage,
                              const DataOptions& options = {}) {
    return read_all(*open_data({path.string()}, inputs, options));
  }

  // Message of what opening or reading throws.
  std::string refusal(const std::filesystem::path& path,
                      const std::vector<InputSpec>& inputs = kImage,
                      const DataOptions& options = {}, ErrorCode code = ErrorCode::kInput) {
    return error_of([&] { samples(path, inputs, options); }, code);
  }

  std::string opening_refusal(const std::filesystem::path& path,
                              const std::vector<InputSpec>& inputs = kImage) {
    return error_of([&] { open_data({path.string()}, inputs, {}); });
  }

  TempFolder folder_;
};

}  // namespace ptq::testing
