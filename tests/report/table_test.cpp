#include "report/table.h"

#include <limits>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

TEST(TextTable, AlignsColumnsAndEndsLinesWithoutSpaces) {
  TextTable table({{.title = "tensor"}, {.title = "ratio", .align = TextTable::Align::kRight}});
  table.add_row({"conv1", "1.5"});
  table.add_row({"a longer name", "100.25"});
  table.add_row({"only one cell"});
  EXPECT_EQ(table.text(),
            "  tensor          ratio\n"
            "  -------------  ------\n"
            "  conv1             1.5\n"
            "  a longer name  100.25\n"
            "  only one cell\n");
}

TEST(TextTable, WithoutRowsIsItsHeader) {
  TextTable table({{.title = "a"}, {.title = "b"}});
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.text(), "  a  b\n  -  -\n");
  table.add_row({});
  EXPECT_FALSE(table.empty());
  EXPECT_EQ(table.text(), "  a  b\n  -  -\n\n");
}

TEST(TextTable, CountsCharactersNotBytes) {
  TextTable table({{.title = "größe"}, {.title = "x"}});
  table.add_row({"ü", "1"});
  table.add_row({"abcde", "2"});
  EXPECT_EQ(table.text(),
            "  größe  x\n"
            "  -----  -\n"
            "  ü      1\n"
            "  abcde  2\n");
}

std::string single_cell(const std::string& cell, size_t max_width) {
  TextTable table({{.title = "t", .max_width = max_width}});
  table.add_row({cell});
  const std::string text = table.text();
  const size_t last_line = text.rfind('\n', text.size() - 2) + 1;
  return text.substr(last_line + 2, text.size() - last_line - 3);
}

TEST(TextTable, LongCellsKeepTheirEnd) {
  EXPECT_EQ(single_cell("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(single_cell("abcdefghi", 8), "...efghi");
  EXPECT_EQ(single_cell("aüüüüüüüü", 8), "...üüüüü");
  // Too narrow for the mark: left as it is.
  EXPECT_EQ(single_cell("abcdefghi", 3), "abcdefghi");
}

TEST(TextTable, HostileNamesCannotBreakTheTable) {
  EXPECT_EQ(single_cell("a\nb\x1B[2Jc\x9B", 48), "a?b?[2Jc?");
}

TEST(TextTable, MoreCellsThanColumnsIsADefect) {
  TextTable table({{.title = "a"}});
  EXPECT_THROW(table.add_row({"1", "2"}), Error);
}

TEST(SizeText, HasThreeDigitsAndChangesTheUnitInTime) {
  const std::pair<uint64_t, const char*> expected[] = {
      {0, "0 B"},
      {1, "1 B"},
      {873, "873 B"},
      {999, "999 B"},
      {1000, "1.00 kB"},
      {9994, "9.99 kB"},
      {9995, "10.0 kB"},
      {14'200'000, "14.2 MB"},
      {99'949, "99.9 kB"},
      {99'950, "100 kB"},
      {999'499, "999 kB"},
      {999'500, "1.00 MB"},
      {999'499'999, "999 MB"},
      {2'500'000'000, "2.50 GB"},
      {3'000'000'000'000, "3.00 TB"},
      {std::numeric_limits<uint64_t>::max(), "18446744 TB"}};
  for (const auto& [size_bytes, text] : expected) {
    EXPECT_EQ(size_text(size_bytes), text);
  }
}

TEST(DecibelText, NamesWhatIsLossless) {
  EXPECT_EQ(decibel_text(38.249), "38.2 dB");
  EXPECT_EQ(decibel_text(-3.05), "-3.0 dB");
  EXPECT_EQ(decibel_text(std::numeric_limits<double>::infinity()), "lossless");
  EXPECT_EQ(decibel_text(-std::numeric_limits<double>::infinity()), "-inf dB");
}

}  // namespace
}  // namespace ptq
