#include "report/explain_report.h"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

TEST(Explain, KnowsTheCodesOfAllRooms) {
  EXPECT_EQ(find_explanation("PTQ-D011").severity, "warning");
  EXPECT_EQ(find_explanation("ptq-s016").title, "NaN or infinity");
  for (const Explanation& row : all_explanations()) {
    EXPECT_EQ(find_explanation(row.code).title, row.title);
    EXPECT_TRUE(row.why.ends_with(".") && row.remedy.ends_with(".")) << row.code;
  }
}

TEST(Explain, SuggestsTheNearestCode) {
  try {
    find_explanation("PTQ-D111");
    FAIL() << "an unknown code was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("did you mean PTQ-D011?"));
  }
}

TEST(Explain, TextSaysEverythingInShortLines) {
  for (const Explanation& row : all_explanations()) {
    const std::string text = explanation_text(row);
    std::string joined = text;
    for (size_t at = 0; (at = joined.find("\n  ", at)) != std::string::npos;) {
      joined.replace(at, 3, " ");
    }
    for (const std::string_view part : {row.title, row.meaning, row.why, row.remedy}) {
      EXPECT_THAT(joined, HasSubstr(std::string(part)));
    }
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 120U) << line;
    }
  }
}

}  // namespace
}  // namespace ptq
