#include "data/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "data/safetensors_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::bytes_of;
using ::ptq::testing::error_of;
using ::ptq::testing::safetensors;
using ::ptq::testing::safetensors_with;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SafetensorsTest : public ::testing::Test {
 protected:
  std::string refusal(const std::string& bytes) {
    testing::write_file(path_, bytes);
    return error_of([&] { open_safetensors(path_); });
  }
  // Of a head with 8 bytes of data behind it.
  std::string head_refusal(const std::string& head) {
    return refusal(safetensors_with(head, "12345678"));
  }

  testing::TempFolder folder_;
  const std::filesystem::path path_ = folder_ / "a.safetensors";
};

TEST_F(SafetensorsTest, ReadsEveryTypeByRows) {
  struct Row {
    const char* name;
    DType dtype;
    size_t bytes;
  };
  const std::vector<Row> rows = {
      {"F32", DType::kFloat, 4},  {"F16", DType::kFloat16, 2}, {"BF16", DType::kBfloat16, 2},
      {"F64", DType::kDouble, 8}, {"I8", DType::kInt8, 1},     {"I16", DType::kInt16, 2},
      {"I32", DType::kInt32, 4},  {"I64", DType::kInt64, 8},   {"U8", DType::kUint8, 1},
      {"U16", DType::kUint16, 2}, {"U32", DType::kUint32, 4},  {"U64", DType::kUint64, 8},
      {"BOOL", DType::kBool, 1}};
  std::vector<testing::NamedBytes> arrays;
  for (const Row& row : rows) {
    std::string bytes(row.bytes * 6, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(i);
    }
    arrays.push_back({std::string("a/") + row.name, row.name, {3, 2}, bytes});
  }
  testing::write_file(path_, safetensors(arrays));
  const auto file = open_safetensors(path_);
  ASSERT_EQ(file->keys().size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto reader = file->open_array(arrays[i].name);
    EXPECT_EQ(reader->header().dtype, rows[i].dtype);
    EXPECT_EQ(reader->header().shape, (Shape{3, 2}));
    reader->skip_rows(1);
    const Tensor last = reader->read_rows(2);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(last.bytes().data()), last.bytes().size()),
              arrays[i].bytes.substr(rows[i].bytes * 2));
  }
}

TEST_F(SafetensorsTest, ReadsScalarsEmptyArraysAndAnyOrder) {
  testing::write_file(path_,
                      safetensors_with(R"({"b":{"data_offsets":[4,8],"shape":[],"dtype":"F32"},)"
                                       R"("e":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},)"
                                       R"("a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}})",
                                       bytes_of<int32_t>({7}) + bytes_of<float>({0.5F})));
  const auto file = open_safetensors(path_);
  EXPECT_THAT(file->keys(), ElementsAre("a", "e", "b"));
  EXPECT_THAT(file->open_array("b")->read_whole().data<float>(), ElementsAre(0.5F));
  EXPECT_THAT(file->open_array("a")->read_whole().data<int32_t>(), ElementsAre(7));
  EXPECT_EQ(file->open_array("e")->read_whole().size(), 0);
}

TEST_F(SafetensorsTest, RefusesHolesOverlapsAndWrongSizes) {
  const auto entry = [](const char* name, const char* shape, const char* offsets) {
    return std::string("\"") + name + R"(":{"dtype":"U8","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}";
  };
  EXPECT_THAT(
      head_refusal("{" + entry("a", "[3]", "[0,3]") + "," + entry("b", "[4]", "[4,8]") + "}"),
      AllOf(HasSubstr("leave a hole"), HasSubstr("PTQ-S007")));
  EXPECT_THAT(
      head_refusal("{" + entry("a", "[5]", "[0,5]") + "," + entry("b", "[4]", "[4,8]") + "}"),
      HasSubstr("overlap"));
  EXPECT_THAT(head_refusal("{" + entry("a", "[7]", "[1,8]") + "}"), HasSubstr("leave a hole"));
  EXPECT_THAT(head_refusal("{" + entry("a", "[7]", "[0,7]") + "}"),
              HasSubstr("take 7 bytes, but 8 follow"));
  EXPECT_THAT(head_refusal("{" + entry("a", "[9]", "[0,9]") + "}"),
              HasSubstr("take 9 bytes, but 8 follow"));
  EXPECT_THAT(head_refusal("{" + entry("a", "[2,3]", "[0,8]") + "}"),
              HasSubstr("takes 6 bytes, but its data_offsets span 8"));
  EXPECT_THAT(head_refusal("{" + entry("a", "[8]", "[8,0]") + "}"), HasSubstr("ascending"));
  EXPECT_THAT(head_refusal("{" + entry("a", "[8]", "[0]") + "}"), HasSubstr("[begin, end]"));
  EXPECT_THAT(head_refusal("{}"), HasSubstr("take 0 bytes, but 8 follow"));
}

TEST_F(SafetensorsTest, RefusesDimensionsThatOverflow) {
  const auto with_shape = [](const std::string& shape) {
    return R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,8]}})";
  };
  EXPECT_THAT(head_refusal(with_shape("[4294967296,4294967296]")), HasSubstr("PTQ-S008"));
  EXPECT_THAT(head_refusal(with_shape("[9223372036854775808]")), HasSubstr("PTQ-S008"));
  EXPECT_THAT(head_refusal(with_shape("[4611686018427387904]")), HasSubstr("PTQ-S008"));
  EXPECT_THAT(head_refusal(with_shape("[-2]")), HasSubstr("negative number -2"));
  EXPECT_THAT(head_refusal(with_shape("[2.0]")), HasSubstr("2.0 is not expected"));
  EXPECT_THAT(head_refusal(with_shape("[[2]]")), HasSubstr("list is not expected"));
  std::string many = "[1";
  for (int i = 0; i < 100; ++i) {
    many += ",1";
  }
  EXPECT_THAT(head_refusal(with_shape(many + "]")), HasSubstr("not expected"));
}

TEST_F(SafetensorsTest, RefusesDamagedHeads) {
  const std::string good = R"("dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  EXPECT_THAT(head_refusal(R"({"a":{)" + good + R"(,"a":{)" + good + "}"), HasSubstr("twice"));
  EXPECT_THAT(head_refusal(R"({"a":{"dtype":"U8",)" + good + "}"), HasSubstr("twice"));
  EXPECT_THAT(head_refusal(R"({"a":{"dtype":"U8","shape":[8]}})"), HasSubstr("lacks"));
  EXPECT_THAT(head_refusal(R"({"a":{"x":1,)" + good + "}"), HasSubstr("unknown field 'x'"));
  EXPECT_THAT(head_refusal(R"({"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})"),
              AllOf(HasSubstr("F8_E4M3"), HasSubstr("PTQ-S009")));
  EXPECT_THAT(head_refusal(R"({"a":{"dtype":{"U8":1},"shape":[8],"data_offsets":[0,8]}})"),
              HasSubstr("too deeply"));
  EXPECT_THAT(head_refusal(R"({"a":1})"), HasSubstr("number 1"));
  EXPECT_THAT(head_refusal(R"({"a":{"shape":"U8"}})"), HasSubstr("text 'U8'"));
  EXPECT_THAT(head_refusal(R"({"__metadata__":{"a":{}}})"), HasSubstr("too deeply"));
  EXPECT_THAT(head_refusal(R"({"__metadata__":[1]})"), HasSubstr("list is not expected"));
  EXPECT_THAT(head_refusal(R"({"a":{)" + good), HasSubstr("no JSON"));
  EXPECT_THAT(head_refusal(R"({"a":{)" + good + "} x"), HasSubstr("no JSON"));
  EXPECT_THAT(head_refusal(" {}"), HasSubstr("begin with '{'"));
  EXPECT_THAT(head_refusal("{\"\xff\":1}"), HasSubstr("no JSON"));
  EXPECT_THAT(head_refusal("[]"), HasSubstr("begin with '{'"));
}

TEST_F(SafetensorsTest, RefusesHeadsThatCannotBe) {
  EXPECT_THAT(refusal("1234567"), HasSubstr("less than 8 bytes"));
  EXPECT_THAT(refusal(testing::number_bytes(uint64_t{1} << 40, 8) + "{}"),
              AllOf(HasSubstr("head of 1099511627776 bytes"), HasSubstr("PTQ-S008")));
  EXPECT_THAT(refusal(testing::number_bytes(3, 8) + "{}"), HasSubstr("in a file of 10 cannot be"));
  EXPECT_THAT(refusal("PK\x03\x04 zip bytes"), HasSubstr("it looks like a zip archive"));
  testing::write_file(path_, testing::number_bytes(100'000'001, 8) + "{}");
  std::filesystem::resize_file(path_, 200'000'000);  // sparse
  EXPECT_THAT(error_of([&] { open_safetensors(path_); }), HasSubstr("limit is 100000000"));
}

}  // namespace
}  // namespace ptq
