#include "core/nearest_name.h"

#include <gtest/gtest.h>

namespace ptq {
namespace {

TEST(NearestName, FindsWordsAtMostTwoEditsAway) {
  const std::vector<std::string> words = {"size", "resize", "filter"};
  EXPECT_EQ(nearest_name("reszie", words), "resize");  // two substitutions
  EXPECT_EQ(nearest_name("sizes", words), "size");     // one insertion
  EXPECT_EQ(nearest_name("filte", words), "filter");   // one deletion
  EXPECT_EQ(nearest_name("resizing", words), "");      // three edits
  EXPECT_EQ(nearest_name("anything", {}), "");
}

TEST(NearestName, TakesTheNearestAndTheFirstOfEquals) {
  EXPECT_EQ(nearest_name("mean", {"men", "mean"}), "mean");
  EXPECT_EQ(nearest_name("bat", {"cat", "hat"}), "cat");
}

}  // namespace
}  // namespace ptq
