#include "ptq/error.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Error, ContextStandsInFrontOutermostFirst) {
  Error error(ErrorCode::kInput, "expected 3 dimensions, found 2");
  error.add_context("input x");
  error.add_context("sample 7");
  EXPECT_STREQ(error.what(), "sample 7: input x: expected 3 dimensions, found 2");
  EXPECT_EQ(error.code(), ErrorCode::kInput);
}

TEST(Error, CodesAreTheExitCodesOfTheCommandLine) {
  const std::vector<std::pair<ErrorCode, int>> expected = {
      {ErrorCode::kUsage, 2},   {ErrorCode::kInput, 3},     {ErrorCode::kEnvironment, 4},
      {ErrorCode::kRuntime, 5}, {ErrorCode::kInternal, 70}, {ErrorCode::kInterrupted, 130}};
  for (const auto& [code, exit_code] : expected) {
    EXPECT_EQ(static_cast<int>(code), exit_code);
  }
}

TEST(Check, NamesConditionAndPlaceWithoutTheFolder) {
  const int found = 3;
  try {
    PTQ_CHECK(found == 4);
    FAIL() << "the check let a broken invariant pass";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    EXPECT_THAT(error.what(), HasSubstr("found == 4 at error_test.cpp:"));
    EXPECT_THAT(error.what(), Not(HasSubstr("/")));
  }
}

TEST(Check, LetsATrueConditionPass) {
  EXPECT_NO_THROW(PTQ_CHECK(1 + 1 == 2));
}

TEST(Printable, KeepsWhatATerminalShows) {
  for (const char* text : {"", "conv1/weight", "größe", "权重", "\U0001F600", "a\u00A0b"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, ReplacesControlCharacters) {
  EXPECT_EQ(printable("a\nb\tc\x1B[31md\x7F"), "a?b?c?[31md?");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(printable("a\u009B31m"), "a?31m");  // CSI of 8-bit terminals
  EXPECT_EQ(printable("a\u2028b\u2029c"), "a?b?c");
  EXPECT_EQ(printable("gpj\u202Eexe"), "gpj?exe");  // turns the direction of what follows
  EXPECT_EQ(printable("a\u2066b\u2069c\u200Ed"), "a?b?c?d");
}

TEST(Printable, ReplacesEachByteThatIsNoUtf8) {
  EXPECT_EQ(printable("a\xFF"), "a?");
  EXPECT_EQ(printable("\x80z"), "?z");                     // continuation without a lead byte
  EXPECT_EQ(printable("\xC3"), "?");                       // cut short
  EXPECT_EQ(printable("\xE2\x82z"), "??z");                // cut short, then a letter
  EXPECT_EQ(printable("\xC0\xAF"), "??");                  // overlong '/'
  EXPECT_EQ(printable("\xE0\x80\xAF"), "???");             // overlong '/'
  EXPECT_EQ(printable("\xE0\x9F\xBF"), "???");             // overlong U+07FF
  EXPECT_EQ(printable("\xF0\x8F\xBF\xBF"), "????");        // overlong U+FFFF
  EXPECT_EQ(printable("\xF0\x80\x80\xAF"), "????");        // overlong '/'
  EXPECT_EQ(printable("\xED\xA0\x80"), "???");             // a surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "????");        // above U+10FFFF
  EXPECT_EQ(printable("\xF4\x8F\xBF\xBF"), "\U0010FFFF");  // the last one
}

TEST(Printable, CutsBetweenCharactersAndSaysSo) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(printable("abcdeü", 6), "abcde...");
  EXPECT_EQ(printable("abcdeü", 7), "abcdeü");
  EXPECT_EQ(printable("ü", 0), "...");
  const std::string long_name = printable(std::string(100'000, 'n'));
  EXPECT_EQ(long_name.size(), 203U);
}

// Every result must be fit for a JSON document and for one line of a terminal, whatever went in.
TEST(Printable, GivesHarmlessTextForAnyTwoBytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      const std::string shown = printable(text);
      EXPECT_EQ(printable(shown), shown) << first << ' ' << second;
      for (const char c : shown) {
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << first << ' ' << second;
      }
    }
  }
}

}  // namespace
}  // namespace ptq
