#include "observe/stats_paths.h"

#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/temporary_folder.h"
#include "ptq/error.h"

namespace ptq {
namespace {

ActivationStats counted(uint64_t runs) {
  ActivationStats stats;
  stats.production = Production{.runs = runs};
  stats.strata[""];
  return stats;
}

TEST(StatsPaths, PatternsAreExpanded) {
  const std::string pid = std::to_string(::getpid());
  EXPECT_EQ(expand_pattern("a/%m.%p.ptqstats", "0123456789abcdef"),
            "a/0123456789ab." + pid + ".ptqstats");
  EXPECT_EQ(expand_pattern("100%%", ""), "100%");
  EXPECT_FALSE(expand_pattern("%h", "").empty());
  EXPECT_THROW(expand_pattern("a%q", ""), Error);
  EXPECT_THROW(expand_pattern("a%", ""), Error);
}

TEST(StatsPaths, AFileOfAnotherWriterIsNeverReplaced) {
  const TemporaryFolder folder;
  const auto wanted = folder.path() / "m.ptqstats";
  StatsPath first(wanted);
  StatsPath second(wanted);
  StatsPath third(wanted);
  first.write(counted(1));
  second.write(counted(2));
  third.write(counted(3));
  first.write(counted(10));
  const std::string pid = std::to_string(::getpid());
  EXPECT_EQ(second.path(), folder.path() / ("m-" + pid + ".ptqstats"));
  EXPECT_EQ(third.path(), folder.path() / ("m-" + pid + "-2.ptqstats"));
  EXPECT_EQ(read_stats(first.path()).production->runs, 10U);
  EXPECT_EQ(read_stats(second.path()).production->runs, 2U);
  EXPECT_EQ(read_stats(third.path()).production->runs, 3U);
}

}  // namespace
}  // namespace ptq
