#include "observe/run_samples.h"

#include <gtest/gtest.h>

#include "data/sample_check.h"

namespace ptq {
namespace {

std::map<std::string, Tensor> inputs(const std::vector<float>& x, const std::vector<float>& y) {
  return {{"x", Tensor::from<float>({static_cast<int64_t>(x.size()), 1}, x)},
          {"y", Tensor::from<float>({static_cast<int64_t>(y.size())}, y)}};
}

Digest sample(float x, float y) {
  Sample one;
  one.inputs = inputs({x}, {y});
  return sample_hash(one);
}

TEST(RunSamples, RowsHashAsSamplesOfFiles) {
  EXPECT_EQ(run_samples(inputs({1, 2, 3}, {4, 5, 6}), true),
            (std::vector<Digest>{sample(1, 4), sample(2, 5), sample(3, 6)}));
  EXPECT_EQ(run_samples(inputs({1}, {4}), true), std::vector<Digest>{sample(1, 4)});
}

TEST(RunSamples, AFixedOrUnequalBatchIsOneSample) {
  EXPECT_EQ(run_samples(inputs({1, 2}, {4, 5}), false).size(), 1U);
  EXPECT_EQ(run_samples(inputs({1, 2}, {4}), true).size(), 1U);
  EXPECT_EQ(run_samples({{"s", Tensor::scalar<float>(1)}}, true).size(), 1U);
}

}  // namespace
}  // namespace ptq
