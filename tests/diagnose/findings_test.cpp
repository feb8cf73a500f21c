#include "diagnose/findings.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

TEST(DiagnosisRows, HaveUniqueAscendingCodesThatSayTheirNumber) {
  std::string_view last = "";
  for (const DiagnosisRow& row : diagnosis_rows()) {
    std::string number = std::to_string(static_cast<int>(row.finding));
    number.insert(0, 3 - number.size(), '0');
    EXPECT_EQ(row.code, "PTQ-D" + number);
    EXPECT_LT(last, row.code);
    last = row.code;
    EXPECT_EQ(&diagnosis_row(row.finding), &row);
  }
}

TEST(DiagnosisRows, SayEverything) {
  for (const DiagnosisRow& row : diagnosis_rows()) {
    EXPECT_THAT((std::set<std::string_view>{"error", "warning", "info"}),
                ::testing::Contains(row.severity));
    for (const std::string_view sentence : {row.meaning, row.why, row.remedy}) {
      EXPECT_TRUE(sentence.ends_with(".")) << row.code << ": " << sentence;
    }
    EXPECT_FALSE(row.title.empty() || row.title.ends_with("."));
  }
}

TEST(DiagnosisRows, AreAllInTheDocumentation) {
  std::ifstream stream(PTQ_SOURCE_DIR "/docs/formats.md");
  std::ostringstream text;
  text << stream.rdbuf();
  for (const DiagnosisRow& row : diagnosis_rows()) {
    EXPECT_THAT(text.str(), ::testing::HasSubstr("| `" + std::string(row.code) + "` | " +
                                                 std::string(row.severity) + " | " +
                                                 std::string(row.title) + " |"));
  }
}

}  // namespace
}  // namespace ptq
