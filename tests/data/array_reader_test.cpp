#include "data/array_reader.h"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::bytes_of;
using ::ptq::testing::error_of;
using ::ptq::testing::npy;
using ::ptq::testing::npy_text;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class ArrayReaderTest : public ::testing::Test {
 protected:
  ArrayReader open(const std::string& bytes) {
    const std::filesystem::path path = folder_ / "x.npy";
    testing::write_file(path, bytes);
    return open_npy(open_file_stream(path), bytes.size(), "x.npy");
  }

  testing::TempFolder folder_;
};

TEST_F(ArrayReaderTest, GivesRowsInOrder) {
  ArrayReader reader = open(npy<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  const Tensor first = reader.read_rows(1);
  EXPECT_EQ(first.shape(), (Shape{1, 2}));
  EXPECT_THAT(first.data<float>(), ElementsAre(1, 2));
  EXPECT_THAT(reader.read_rows(2).data<float>(), ElementsAre(3, 4, 5, 6));
}

TEST_F(ArrayReaderTest, ReadsScalarsAndEmptyRows) {
  const Tensor scalar = open(npy<float>({}, {7})).read_whole();
  EXPECT_EQ(scalar.shape(), Shape{});
  EXPECT_THAT(scalar.data<float>(), ElementsAre(7));
  EXPECT_EQ(open(npy<float>({2, 0}, {})).read_rows(1).shape(), (Shape{1, 0}));
}

TEST_F(ArrayReaderTest, ConvertsBigEndian) {
  const Tensor shorts = open(npy_text(">i2", {2}, std::string("\x01\x02\xff\xfe", 4))).read_whole();
  EXPECT_THAT(shorts.data<int16_t>(), ElementsAre(0x0102, -2));
  const Tensor floats = open(npy_text(">f4", {1}, std::string("\x3f\x80\x00\x00", 4))).read_whole();
  EXPECT_THAT(floats.data<float>(), ElementsAre(1.0F));
  const Tensor doubles =
      open(npy_text(">f8", {1}, std::string("\xc0\x00\x00\x00\x00\x00\x00\x00", 8))).read_whole();
  EXPECT_THAT(doubles.data<double>(), ElementsAre(-2.0));
}

TEST_F(ArrayReaderTest, ConvertsFortranOrder) {
  // numpy.asfortranarray([[1,2,3],[4,5,6]]) is stored column by column.
  ArrayReader reader =
      open(npy_text("<f4", {2, 3}, bytes_of<float>({1, 4, 2, 5, 3, 6}), /*fortran=*/true));
  EXPECT_THAT(reader.read_rows(1).data<float>(), ElementsAre(1, 2, 3));
  EXPECT_THAT(reader.read_rows(1).data<float>(), ElementsAre(4, 5, 6));
}

TEST_F(ArrayReaderTest, ConvertsFortranOrderOfAnyRank) {
  const std::vector<int64_t> shape = {3, 2, 1, 4};
  std::vector<int32_t> row_major(24);
  std::iota(row_major.begin(), row_major.end(), 0);
  std::vector<int32_t> column_major(24);
  for (size_t a = 0; a < 3; ++a) {
    for (size_t b = 0; b < 2; ++b) {
      for (size_t d = 0; d < 4; ++d) {
        column_major[a + 3 * b + 6 * d] = row_major[(a * 2 + b) * 4 + d];
      }
    }
  }
  const std::string bytes = npy_text("<i4", shape, bytes_of(column_major), /*fortran=*/true);
  EXPECT_THAT(open(bytes).read_whole().data<int32_t>(), ElementsAreArray(row_major));
}

TEST_F(ArrayReaderTest, RefusesAFileThatShrinksOrGrowsWhileBeingRead) {
  const std::string bytes = npy<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const std::filesystem::path path = folder_ / "x.npy";
  testing::write_file(path, bytes.substr(0, bytes.size() - 4));
  ArrayReader shrunk = open_npy(open_file_stream(path), bytes.size(), "x.npy");
  EXPECT_THAT(error_of([&] { shrunk.read_rows(3); }), HasSubstr("4 bytes more than there are"));
  testing::write_file(path, bytes + "x");
  ArrayReader grown = open_npy(open_file_stream(path), bytes.size(), "x.npy");
  grown.read_rows(2);
  EXPECT_THAT(error_of([&] { grown.read_rows(1); }), HasSubstr("follow the last element"));
}

TEST_F(ArrayReaderTest, RefusesBlocksThatNoSampleNeeds) {
  const std::filesystem::path path = folder_ / "x.npy";
  const std::string head = npy_text("<f4", {1, int64_t{1} << 40}, "");
  testing::write_file(path, head);
  ArrayReader reader = open_npy(open_file_stream(path), head.size() + (uint64_t{1} << 42), "x.npy");
  EXPECT_THAT(error_of([&] { reader.read_rows(1); }), HasSubstr("the limit is 4294967296"));
}

}  // namespace
}  // namespace ptq
