#include "validate/findings.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

TEST(ValidationFindings, CarryTheirNumberAndAreWhole) {
  std::set<std::string_view> codes;
  for (const ValidationRow& row : validation_rows()) {
    std::string number = std::to_string(static_cast<int>(row.finding));
    number.insert(0, 3 - number.size(), '0');
    EXPECT_EQ(row.code, "PTQ-G" + number);
    EXPECT_TRUE(codes.insert(row.code).second);
    EXPECT_TRUE(row.severity == "error" || row.severity == "warning" || row.severity == "info");
    EXPECT_EQ(row.severity == "error", !row.gate.empty());
    EXPECT_FALSE(row.title.empty());
    EXPECT_TRUE(row.meaning.ends_with("."));
  }
}

TEST(ValidationFindings, AreAllInTheDocumentation) {
  std::ifstream stream(PTQ_SOURCE_DIR "/docs/formats.md");
  std::stringstream text;
  text << stream.rdbuf();
  for (const ValidationRow& row : validation_rows()) {
    EXPECT_THAT(text.str(), ::testing::HasSubstr("| `" + std::string(row.code) + "` | " +
                                                 std::string(row.severity) + " | " +
                                                 std::string(row.title) + " |"));
  }
}

}  // namespace
}  // namespace ptq
