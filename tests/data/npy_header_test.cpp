#include "data/npy_header.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::ptq::testing::npy_text;
using ::ptq::testing::npy_with;
using ::testing::HasSubstr;

class TextStream : public ByteStream {
 public:
  explicit TextStream(std::string text) : text_(std::move(text)) {}
  size_t read(std::span<std::byte> out) override {
    const size_t count = std::min(out.size(), text_.size() - position_);
    std::memcpy(out.data(), text_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  std::string text_;
  size_t position_ = 0;
};

ArrayHeader read(const std::string& bytes) {
  TextStream stream(bytes);
  return read_npy_header(stream, bytes.size(), "x.npy");
}

std::string refusal(const std::string& bytes) {
  return error_of([&] { read(bytes); });
}

std::string dictionary_refusal(const std::string& dictionary) {
  return refusal(npy_with(dictionary, std::string(24, '\0')));
}

TEST(NpyHeader, ReadsEveryNumericType) {
  struct Row {
    std::string_view descr;
    DType dtype;
    size_t bytes;
    bool big_endian;
  };
  const std::vector<Row> rows = {
      {"<f2", DType::kFloat16, 2, false}, {"<f4", DType::kFloat, 4, false},
      {"<f8", DType::kDouble, 8, false},  {"|i1", DType::kInt8, 1, false},
      {"<i2", DType::kInt16, 2, false},   {"<i4", DType::kInt32, 4, false},
      {"<i8", DType::kInt64, 8, false},   {"|u1", DType::kUint8, 1, false},
      {"<u2", DType::kUint16, 2, false},  {"<u4", DType::kUint32, 4, false},
      {"<u8", DType::kUint64, 8, false},  {"|b1", DType::kBool, 1, false},
      {">f4", DType::kFloat, 4, true},    {">i8", DType::kInt64, 8, true},
      {">u1", DType::kUint8, 1, false},   {"=f4", DType::kFloat, 4, false}};
  for (const Row& row : rows) {
    const ArrayHeader header = read(npy_text(row.descr, {2, 3}, std::string(6 * row.bytes, 'x')));
    EXPECT_EQ(header.dtype, row.dtype) << row.descr;
    EXPECT_EQ(header.big_endian, row.big_endian) << row.descr;
    EXPECT_EQ(header.payload_bytes, 6 * row.bytes) << row.descr;
    EXPECT_EQ(header.shape, (Shape{2, 3}));
    EXPECT_FALSE(header.fortran_order);
  }
}

TEST(NpyHeader, ReadsVersions1To3AndLeavesTheStreamAtTheFirstElement) {
  for (const int major : {1, 2, 3}) {
    const std::string bytes = npy_text("|u1", {3}, "abc", true, major);
    TextStream stream(bytes);
    const ArrayHeader header = read_npy_header(stream, bytes.size(), "x.npy");
    EXPECT_TRUE(header.fortran_order);
    std::array<std::byte, 8> rest{};
    ASSERT_EQ(stream.read(rest), 3U);
    EXPECT_EQ(rest[0], std::byte{'a'});
  }
  EXPECT_THAT(refusal(npy_text("|u1", {3}, "abc", false, 4)), HasSubstr("version 4.0 is unknown"));
}

TEST(NpyHeader, ReadsScalarsAnyKeyOrderAndPython2Numbers) {
  EXPECT_EQ(read(npy_text("<f4", {}, "1234")).shape, Shape{});
  const ArrayHeader header = read(
      npy_with(R"({"shape":(2L,3L),"descr":"<f4",'fortran_order':True})", std::string(24, '\0')));
  EXPECT_EQ(header.shape, (Shape{2, 3}));
  EXPECT_TRUE(header.fortran_order);
}

TEST(NpyHeader, RefusesWhatIsNoArrayAndSaysWhatItLooksLike) {
  EXPECT_THAT(refusal("PK\x03\x04 and more text"), HasSubstr("a zip archive (npz)"));
  EXPECT_THAT(refusal("version https://git-lfs"), HasSubstr("Git LFS pointer"));
  EXPECT_THAT(refusal("0.1,0.2,0.3"), HasSubstr("found something else"));
  EXPECT_THAT(refusal("\x80\x04\x95 and more"), HasSubstr("a Python pickle"));
  EXPECT_THAT(refusal("<html><body>"), HasSubstr("HTML"));
  EXPECT_THAT(refusal("\x93NUM"), HasSubstr("expected an npy array"));
  EXPECT_THAT(refusal("\x93NUMPY"), HasSubstr("cut short"));
}

TEST(NpyHeader, RefusesHeadersThatAreHugeOrCutShort) {
  using ::ptq::testing::number_bytes;
  const std::string magic = "\x93NUMPY";
  EXPECT_THAT(refusal(magic + number_bytes(2, 2) + number_bytes(0xffffffffU, 4)),
              HasSubstr("npy header of 4294967295 bytes"));
  EXPECT_THAT(refusal(magic + number_bytes(1, 2) + number_bytes(200, 2) + "{'descr"),
              HasSubstr("cut short"));
  EXPECT_THAT(refusal(magic + number_bytes(1, 2) + "\x01"), HasSubstr("cut short"));
}

TEST(NpyHeader, RefusesPickledAndUnknownTypes) {
  EXPECT_THAT(refusal(npy_text("|O", {3}, std::string(24, 'x'))), HasSubstr("pickle"));
  EXPECT_THAT(refusal(npy_text("|O8", {3}, std::string(24, 'x'))), HasSubstr("pickle"));
  for (const std::string_view descr :
       {"<c8", "<U3", "|S4", "<M8[ns]", "|V2", "<f16", "f4", "|f4", "", "<", "<f4 ", "\x1b[31m"}) {
    EXPECT_THAT(refusal(npy_text(descr, {3}, std::string(24, 'x'))), HasSubstr("is not supported"))
        << descr;
  }
  EXPECT_THAT(refusal(npy_text("\x1b[31m", {3}, "")), ::testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(
      dictionary_refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}"),
      HasSubstr("structured arrays"));
}

TEST(NpyHeader, RefusesEveryDepartureFromTheDictionary) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "expected '{'"},
      {"{}", "is missing"},
      {"{'descr': '<f4', 'fortran_order': False}", "is missing"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", "text behind"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", "repeated key"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'evil': 1}", "repeated key 'evil'"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}", "expected True or False"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", "expected a dimension"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "expected ','"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "expected a dimension"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6.0,)}", "expected ','"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': 6}", "expected '('"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,", "expected a dimension"},
      {"{'descr': '<f4, 'fortran_order': False, 'shape': (6,)}", "expected '}'"},
      {"{'descr': '<f\\x34', 'fortran_order': False, 'shape': (6,)}", "escape"},
      {"{'descr': __import__('os'), 'fortran_order': False, 'shape': (6,)}", "quoted word"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "64 bits"}};
  for (const auto& [dictionary, expected] : rows) {
    EXPECT_THAT(dictionary_refusal(dictionary), HasSubstr(expected)) << dictionary;
  }
  EXPECT_THAT(refusal(npy_text("<f4", Shape(65, 1), "1234")), HasSubstr("more than 64 dimensions"));
}

TEST(NpyHeader, RefusesShapesWhoseSizeOverflows) {
  const int64_t big = int64_t{1} << 62;
  EXPECT_THAT(refusal(npy_text("|u1", {big, 4}, "")), HasSubstr("overflow"));
  EXPECT_THAT(refusal(npy_text("<f8", {big}, "")), HasSubstr("overflow"));
  // 2^32 · 2^32 wraps to 0 in 64 bits.
  EXPECT_THAT(refusal(npy_text("|u1", {int64_t{1} << 32, int64_t{1} << 32}, "")),
              HasSubstr("overflow"));
}

TEST(NpyHeader, RefusesMoreOrFewerBytesThanTheShapeAsksFor) {
  EXPECT_THAT(refusal(npy_text("<f4", {2, 3}, std::string(23, 'x'))),
              HasSubstr("float32 [2,3] takes 24 bytes, but 23 follow"));
  EXPECT_THAT(refusal(npy_text("<f4", {2, 3}, std::string(25, 'x'))), HasSubstr("but 25 follow"));
  EXPECT_THAT(refusal(npy_text("<f4", {1 << 20, 1 << 10}, "")), HasSubstr("but 0 follow"));
}

}  // namespace
}  // namespace ptq
