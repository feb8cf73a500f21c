#include "validate/worst_samples.h"

#include <gtest/gtest.h>

namespace ptq {
namespace {

TEST(WorstSamples, KeepsTheLowestInOrder) {
  WorstSamples worst(3);
  int position = 0;
  for (const double sqnr : {30.0, 10.0, 40.0, 10.0, 25.0, 5.0}) {
    worst.add({.name = std::to_string(position++), .sqnr_db = sqnr}, {});
  }
  std::vector<std::string> names;
  for (const WorstSamples::Kept& kept : worst.take()) {
    names.push_back(kept.sample.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"5", "1", "3"}));  // of equals the earlier one first
}

TEST(WorstSamples, MayKeepNone) {
  WorstSamples worst(0);
  worst.add({.name = "a", .sqnr_db = 1.0}, {});
  EXPECT_TRUE(worst.take().empty());
}

}  // namespace
}  // namespace ptq
