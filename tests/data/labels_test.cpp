#include "data/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::ptq::testing::npy;
using ::ptq::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LabelsTest : public ::testing::Test {
 protected:
  std::vector<int64_t> csv(std::string_view text) {
    write_file(folder_ / "l.csv", text);
    return read_labels(folder_ / "l.csv");
  }
  std::string csv_refusal(std::string_view text) {
    return error_of([&] { csv(text); });
  }

  testing::TempFolder folder_;
};

TEST_F(LabelsTest, ReadsNpy) {
  write_file(folder_ / "l.npy", npy<int64_t>({3}, {4, -1, 9}));
  EXPECT_THAT(read_labels(folder_ / "l.npy"), ElementsAre(4, -1, 9));
  write_file(folder_ / "l.npy", testing::npy_text("|u1", {3}, std::string("\x04\x01\xff", 3)));
  EXPECT_THAT(read_labels(folder_ / "l.npy"), ElementsAre(4, 1, 255));
}

TEST_F(LabelsTest, ReadsTablesOfNumbers) {
  const auto rows = [&](std::string_view text) {
    write_file(folder_ / "n.csv", text);
    return read_number_table(folder_ / "n.csv").rows;
  };
  EXPECT_THAT(rows("1.5,2\n-3e2,0\n"),
              ElementsAre(ElementsAre(1.5F, 2.0F), ElementsAre(-300.0F, 0.0F)));
  EXPECT_THAT(rows("file,sample,height,width\r\na.jpg,0,1,2\r\n"),
              ElementsAre(ElementsAre(1.0F, 2.0F)));
  EXPECT_THAT(error_of([&] { rows("1,2\n3\n"); }), HasSubstr("line 2: expected 2 columns"));
  EXPECT_THAT(error_of([&] { rows("1,2\n3,x\n"); }), HasSubstr("a number in column 2, found 'x'"));
  EXPECT_THAT(error_of([&] { rows("1,2\n3,nan\n"); }), HasSubstr("found 'nan'"));
  EXPECT_THAT(error_of([&] { rows("a,b\n"); }), HasSubstr("no labels in the file"));
}

TEST_F(LabelsTest, RefusesNpyThatHoldsNoLabels) {
  const auto refusal = [&](const std::string& bytes) {
    write_file(folder_ / "l.npy", bytes);
    return error_of([&] { read_labels(folder_ / "l.npy"); });
  };
  EXPECT_THAT(refusal(npy<float>({3}, {1, 2, 3})), HasSubstr("found float32 [3]"));
  EXPECT_THAT(refusal(npy<int64_t>({3, 1}, {1, 2, 3})), HasSubstr("found int64 [3,1]"));
  EXPECT_THAT(refusal(npy<int64_t>({}, {1})), HasSubstr("1-D integer array"));
  EXPECT_THAT(refusal(npy<int64_t>({0}, {})), HasSubstr("no labels"));
  EXPECT_THAT(refusal(npy<uint64_t>({2}, {1, ~uint64_t{0}})),
              HasSubstr("label 18446744073709551615 at [1]"));
}

TEST_F(LabelsTest, ReadsTheLastColumnOfCsv) {
  EXPECT_THAT(csv("3\n1\n2\n"), ElementsAre(3, 1, 2));
  EXPECT_THAT(csv("a.png,3\nb.png,1"), ElementsAre(3, 1));
  EXPECT_THAT(csv("file,class\r\na.png, 3\r\nb.png,-1\r\n\r\n"), ElementsAre(3, -1));
  EXPECT_THAT(csv("\"a,b.png\",\"3\"\n\"a \"\"b\"\".png\",4\n"), ElementsAre(3, 4));
  EXPECT_THAT(csv("\xef\xbb\xbf"
                  "7\n8\n"),
              ElementsAre(7, 8));
}

TEST_F(LabelsTest, ReadsTheColumnNamedLabel) {
  EXPECT_THAT(csv("label,file\n3,a.png\n1,b.png\n"), ElementsAre(3, 1));
  EXPECT_THAT(csv("id,\"label\",weight\n1,30,5\n2,10,6\n"), ElementsAre(30, 10));
}

TEST_F(LabelsTest, RefusesCsvAndNamesTheLine) {
  EXPECT_THAT(csv_refusal("file,label\na,3\nb,x\n"), HasSubstr("l.csv: line 3"));
  EXPECT_THAT(csv_refusal("file,label\na,3.0\n"), HasSubstr("found '3.0'"));
  EXPECT_THAT(csv_refusal("a,3\nb,4,5\n"), HasSubstr("line 2: expected 2 columns"));
  EXPECT_THAT(csv_refusal("3\n\n4\n"), HasSubstr("behind the empty line 2"));
  EXPECT_THAT(csv_refusal("3\n\"4\n"), HasSubstr("never closed"));
  EXPECT_THAT(csv_refusal("3\n99999999999999999999\n"), HasSubstr("line 2"));
  EXPECT_THAT(csv_refusal("label\n"), HasSubstr("no labels"));
  EXPECT_THAT(csv_refusal("\n \n"), HasSubstr("no labels"));
  EXPECT_THAT(csv_refusal(""), HasSubstr("0 bytes"));
  EXPECT_THAT(csv_refusal("3\n\x1b[2J\n"), ::testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(error_of([&] { read_labels(folder_ / "nowhere.csv"); }), HasSubstr("no such file"));
  EXPECT_THAT(error_of([&] { read_labels(folder_ / "l.txt"); }), HasSubstr(".npy or .csv"));
}

}  // namespace
}  // namespace ptq
