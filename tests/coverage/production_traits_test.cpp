#include <gtest/gtest.h>

#include "ptq/coverage.h"

namespace ptq {
namespace {

ActivationStats with_hashes(const std::vector<int>& numbers) {
  ActivationStats stats;
  for (const int number : numbers) {
    stats.sample_hashes.push_back({static_cast<std::byte>(number)});
  }
  return stats;
}

TEST(ProductionTraits, CountSamplesOfACalibration) {
  const ProductionTraits traits =
      production_traits(with_hashes({1, 2, 2, 5}), with_hashes({2, 2, 2, 3, 5}));
  EXPECT_EQ(traits, (ProductionTraits{.different = 3, .repeated = 2, .in_calibration = 2}));
}

TEST(ProductionTraits, CountRunsAndSamplesOfProduction) {
  ActivationStats calibration = with_hashes({1, 4});
  calibration.tensors = {{"a", {}}, {"b", {}}};
  ActivationStats production = with_hashes({1, 2, 3});
  production.production = Production{.runs = 90, .counted = 9, .samples = 14, .times = {2, 7, 1}};
  production.tensors = {{"a", {}}};
  EXPECT_EQ(production_traits(calibration, production), (ProductionTraits{.observed = true,
                                                                          .runs = 90,
                                                                          .counted = 9,
                                                                          .different = 3,
                                                                          .all_told_apart = false,
                                                                          .repeated = 7,
                                                                          .in_calibration = 1,
                                                                          .unobserved = 1}));
}

}  // namespace
}  // namespace ptq
