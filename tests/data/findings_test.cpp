#include "data/findings.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"

namespace ptq {
namespace {

TEST(DataFindings, HaveUniqueCodesThatSayTheirNumber) {
  std::set<std::string_view> codes;
  for (const DataFindingRow& row : data_findings()) {
    EXPECT_TRUE(codes.insert(row.code).second) << row.code;
    std::string number = std::to_string(static_cast<int>(row.finding));
    number.insert(0, 3 - number.size(), '0');
    EXPECT_EQ(row.code, "PTQ-S" + number);
    EXPECT_EQ(row.severity, static_cast<int>(row.finding) > 100 ? "warning" : "error");
  }
}

TEST(DataFindings, AreFoundAgainInMessages) {
  const std::string message = testing::error_of(
      [] { refuse_data(DataFinding::kRagged, "f.jsonl: line 2", "lists differ"); });
  EXPECT_EQ(message, "f.jsonl: line 2: lists differ [PTQ-S022]");
  ASSERT_NE(finding_of(message), nullptr);
  EXPECT_EQ(finding_of(message)->finding, DataFinding::kRagged);
  for (const char* text : {"", "]", "PTQ-S022]", "[PTQ-S022]", "x [PTQ-S999]", "x [PTQ-S022] y"}) {
    EXPECT_EQ(finding_of(text), nullptr) << text;
  }
}

TEST(DataFindings, AreAllInTheDocumentation) {
  std::ifstream stream(PTQ_SOURCE_DIR "/docs/formats.md");
  std::ostringstream text;
  text << stream.rdbuf();
  for (const DataFindingRow& row : data_findings()) {
    EXPECT_THAT(text.str(), ::testing::HasSubstr("| `" + std::string(row.code) + "` | " +
                                                 std::string(row.severity) + " | " +
                                                 std::string(row.meaning) + " |"));
  }
}

}  // namespace
}  // namespace ptq
