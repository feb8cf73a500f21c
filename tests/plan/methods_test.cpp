#include "ptq/methods.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

TEST(Methods, ALevelHasAllThatLowerOnesHave) {
  for (const MethodInfo& info : methods()) {
    const bool fast = choose_methods(Effort::kFast).has(info.method);
    const bool normal = choose_methods(Effort::kDefault).has(info.method);
    const bool most = choose_methods(Effort::kMax).has(info.method);
    EXPECT_LE(fast, normal) << info.name;
    EXPECT_LE(normal, most) << info.name;
    EXPECT_EQ(most, !info.only_asked) << info.name;
  }
}

TEST(Methods, NamesAreDifferentAndFound) {
  std::set<std::string_view> names;
  for (const MethodInfo& info : methods()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.summary.empty());
    const std::string name(info.name);
    EXPECT_TRUE(choose_methods(Effort::kFast, {name}).has(info.method));
    EXPECT_FALSE(choose_methods(Effort::kMax, {}, {name}).has(info.method));
  }
}

TEST(Methods, WishesThatMakeNoSenseAreRefused) {
  EXPECT_THROW(choose_methods(Effort::kFast, {"magic"}), Error);
  EXPECT_THROW(choose_methods(Effort::kFast, {}, {"magic"}), Error);
  EXPECT_THROW(choose_methods(Effort::kFast, {"mean-rounding"}, {"mean-rounding"}), Error);
}

TEST(Methods, EffortsAreReadBack) {
  for (const Effort effort : {Effort::kFast, Effort::kDefault, Effort::kMax}) {
    EXPECT_EQ(parse_effort(effort_name(effort)), effort);
  }
  EXPECT_THROW(parse_effort("most"), Error);
}

}  // namespace
}  // namespace ptq
