// The same samples in every form, and what only some forms have.

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/formats.h"
#include "data/npy_writer.h"
#include "data/safetensors_writer.h"
#include "data/sample_fixture.h"
#include "data/tensor_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using ::ptq::testing::bytes_of;
using ::ptq::testing::error_of;
using ::ptq::testing::kImage;
using ::ptq::testing::npy;
using ::ptq::testing::npy_text;
using ::ptq::testing::ramp;
using ::ptq::testing::read_all;
using ::ptq::testing::safetensors;
using ::ptq::testing::write_file;
using ::ptq::testing::write_npz;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SampleForms : public ::ptq::testing::SampleSourceTest {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string fingerprint(const std::vector<std::string>& data,
                          const std::vector<InputSpec>& inputs, const DataOptions& options = {}) {
    return ::ptq::testing::fingerprint_of(read_all(*open_data(data, inputs, options)));
  }

  std::string data_refusal(const std::vector<std::string>& data,
                           const std::vector<InputSpec>& inputs = kImage,
                           ErrorCode code = ErrorCode::kInput) {
    return error_of([&] { read_all(*open_data(data, inputs, {})); }, code);
  }
};

TEST_F(SampleForms, AllGiveTheSameFingerprint) {
  const std::vector<InputSpec> inputs = {{"ids", DType::kInt64, {-1, 3}},
                                         {"x", DType::kFloat, {-1, 2, 2}}};
  std::vector<int64_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<float> x = ramp(12);
  write_npz(folder_ / "a.npz", {{"x", npy({3, 2, 2}, x)}, {"ids", npy({3, 3}, ids)}});
  const std::string expected = fingerprint({path("a.npz")}, inputs);

  write_file(folder_ / "a.safetensors", safetensors({{"x", "F32", {3, 2, 2}, bytes_of(x)},
                                                     {"ids", "I64", {3, 3}, bytes_of(ids)}}));
  EXPECT_EQ(fingerprint({path("a.safetensors")}, inputs), expected);

  write_file(folder_ / "x.npy", npy({3, 2, 2}, x));
  write_file(folder_ / "ids.bin", bytes_of(ids));
  EXPECT_EQ(fingerprint({"x=" + path("x.npy"), "ids=" + path("ids.bin") + ",i64,?x3"}, inputs),
            expected);
  EXPECT_EQ(
      fingerprint({"ids=" + path("ids.bin") + ",int64,3x3", "x=" + path("a.safetensors")}, inputs),
      expected);

  std::string lines;
  std::string list = "# the rows\n\n";
  for (size_t row = 0; row < 3; ++row) {
    const auto number = [&](size_t i) { return std::to_string(static_cast<int>(x[row * 4 + i])); };
    lines += "{\"x\":[[" + number(0) + "," + number(1) + "],[" + number(2) + "," + number(3) +
             "]],\"ids\":[" + std::to_string(ids[row * 3]) + "," +
             std::to_string(ids[row * 3 + 1]) + "," + std::to_string(ids[row * 3 + 2]) + "]}\r\n\n";
    const std::string name = "row" + std::to_string(row);
    const std::vector<float> row_x(x.begin() + static_cast<int64_t>(row) * 4,
                                   x.begin() + static_cast<int64_t>(row) * 4 + 4);
    const std::vector<int64_t> row_ids(ids.begin() + static_cast<int64_t>(row) * 3,
                                       ids.begin() + static_cast<int64_t>(row) * 3 + 3);
    write_npz(folder_ / (name + ".npz"), {{"x", npy({2, 2}, row_x)}, {"ids", npy({3}, row_ids)}},
              row == 1);
    list += name + ".npz\r\n";
    const fs::path set = folder_ / ("sets/test_data_set_" + std::to_string(row + 9));
    fs::create_directories(set);
    write_file(set / "input_0.pb",
               testing::tensor_bytes("ids", DType::kInt64, {1, 3}, bytes_of(row_ids)));
    write_file(set / "input_1.pb",
               testing::tensor_bytes("x", DType::kFloat, {1, 2, 2}, bytes_of(row_x)));
  }
  write_file(folder_ / "a.jsonl", "\xef\xbb\xbf" + lines);
  EXPECT_EQ(fingerprint({path("a.jsonl")}, inputs), expected);
  write_file(folder_ / "list.txt", list);
  EXPECT_EQ(fingerprint({"@" + path("list.txt")}, inputs), expected);
  EXPECT_EQ(fingerprint({path("row?.npz")}, inputs), expected);
  EXPECT_EQ(fingerprint({path("row0.npz"), path("row[12].npz")}, inputs), expected);
  EXPECT_EQ(fingerprint({path("sets")}, inputs), expected);
  EXPECT_EQ(fingerprint({path("sets/test_data_set_*")}, inputs), expected);

  write_npz(
      folder_ / "f.npz",
      {{"x", npy_text("<f4", {3, 2, 2}, bytes_of<float>({0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11}),
                      /*fortran=*/true)},
       {"ids", npy({3, 3}, ids)}});
  EXPECT_EQ(fingerprint({path("f.npz")}, inputs), expected);
}

TEST_F(SampleForms, SkippingLeavesTheFollowingSamplesAlone) {
  write_npz(folder_ / "a.npz", {{"x", npy({3, 2, 2}, ramp(12))}});
  write_file(folder_ / "a.safetensors", safetensors({{"x", "F32", {3, 2, 2}, bytes_of(ramp(12))}}));
  write_file(folder_ / "f.npy",
             npy_text("<f4", {3, 2, 2}, bytes_of<float>({0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11}),
                      /*fortran=*/true));
  write_file(folder_ / "a.jsonl",
             "{\"x\":[[0,1],[2,3]]}\n{\"x\":[[4,5],[6,7]]}\n{\"x\":[[8,9],[10,11]]}");
  for (const char* name : {"a.npz", "a.safetensors", "f.npy", "a.jsonl"}) {
    const std::vector<DataFile> files = {{folder_ / name, ""}};
    const auto reader = format_of_file(name)->open(files, kImage, {});
    EXPECT_TRUE(reader->skip()) << name;
    EXPECT_THAT(reader->read()->inputs.at("x").data<float>(), ElementsAre(4, 5, 6, 7)) << name;
    EXPECT_TRUE(reader->skip()) << name;
    EXPECT_FALSE(reader->skip()) << name;
    EXPECT_FALSE(reader->read().has_value()) << name;
  }
}

TEST_F(SampleForms, DropsARemainderOnlyWhenAsked) {
  const std::vector<InputSpec> inputs = {{"x", DType::kFloat, {2, 3}}};
  const DataOptions drop{.drop_last = true};
  write_npz(folder_ / "c.npz", {{"x", npy({5, 3}, ramp(15))}});
  write_file(
      folder_ / "c.jsonl",
      "{\"x\":[0,1,2]}\n{\"x\":[3,4,5]}\n{\"x\":[6,7,8]}\n{\"x\":[9,10,11]}\n{\"x\":[1,2,3]}");
  for (const char* name : {"c.npz", "c.jsonl"}) {
    EXPECT_THAT(data_refusal({path(name)}, inputs),
                AllOf(HasSubstr("--drop-last"), HasSubstr("PTQ-S014")));
    const auto source = open_data({path(name)}, inputs, drop);
    const std::vector<Sample> found = read_all(*source);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_THAT(found[1].inputs.at("x").data<float>(), ElementsAre(6, 7, 8, 9, 10, 11));
    EXPECT_THAT(source->warnings().back(), AllOf(HasSubstr("1 "), HasSubstr("PTQ-S104")));
  }
  EXPECT_EQ(fingerprint({path("c.npz")}, inputs, drop),
            fingerprint({path("c.jsonl")}, inputs, drop));
  write_npz(folder_ / "one.npz", {{"x", npy({1, 3}, ramp(3))}});
  error_of([&] { open_data({path("one.npz")}, inputs, drop); });
  write_file(folder_ / "one.jsonl", "{\"x\":[0,1,2]}");
  error_of([&] { open_data({path("one.jsonl")}, inputs, drop); });
  // A remainder hides no disagreement.
  const std::vector<InputSpec> two = {{"x", DType::kFloat, {2, 3}}, {"y", DType::kFloat, {2}}};
  write_npz(folder_ / "d.npz", {{"x", npy({5, 3}, ramp(15))}, {"y", npy({4}, ramp(4))}});
  EXPECT_THAT(error_of([&] { open_data({path("d.npz")}, two, drop); }), HasSubstr("PTQ-S013"));
}

TEST_F(SampleForms, LinesKeepTheirOwnLength) {
  const std::vector<InputSpec> inputs = {{"input_ids", DType::kInt64, {-1, -1}}};
  write_file(folder_ / "t.jsonl", "{\"input_ids\":[1,2,3]}\n\n{\"input_ids\":[4]}\n");
  const std::vector<Sample> found = samples(folder_ / "t.jsonl", inputs);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].inputs.at("input_ids").shape(), (Shape{1, 3}));
  EXPECT_EQ(found[1].inputs.at("input_ids").shape(), (Shape{1, 1}));
  EXPECT_EQ(found[1].origin, "t.jsonl:3");
  EXPECT_EQ(samples(folder_ / "t.jsonl", inputs, {.max_samples = 1}).size(), 1U);
  write_file(folder_ / "b.jsonl", "{\"input_ids\":[1]}\n{\"input_ids\":[1,]}\n");
  EXPECT_THAT(refusal(folder_ / "b.jsonl", inputs), HasSubstr("b.jsonl: line 2"));
  write_file(folder_ / "e.jsonl", "\n  \n");
  EXPECT_THAT(refusal(folder_ / "e.jsonl", inputs), HasSubstr("no lines"));
  const std::vector<InputSpec> pairs = {{"input_ids", DType::kInt64, {2, -1}}};
  EXPECT_THAT(refusal(folder_ / "t.jsonl", pairs), HasSubstr("one length with --pad-id"));
  EXPECT_THAT(samples(folder_ / "t.jsonl", pairs, {.pad_id = 0, .pad_to = 3})[0]
                  .inputs.at("input_ids")
                  .data<int64_t>(),
              ElementsAre(1, 2, 3, 4, 0, 0));
}

TEST_F(SampleForms, RawBytesOfTheWrongSizeNameBothSizes) {
  write_file(folder_ / "x.bin", bytes_of(ramp(12)));
  const std::string bin = "x=" + path("x.bin");
  EXPECT_EQ(read_all(*open_data({bin + ",f32,3x2x2"}, kImage, {})).size(), 3U);
  EXPECT_EQ(read_all(*open_data({bin + ",float32,-1x2x2"}, kImage, {})).size(), 3U);
  EXPECT_THAT(data_refusal({bin + ",f32,2x2x2"}),
              AllOf(HasSubstr("takes 32 bytes, but the file has 48"), HasSubstr("PTQ-S020")));
  EXPECT_THAT(data_refusal({bin + ",f32,?x5x2"}), HasSubstr("a multiple of 40 bytes"));
  EXPECT_THAT(data_refusal({bin + ",f32,9223372036854775807x2x2"}), HasSubstr("PTQ-S008"));
  EXPECT_THAT(data_refusal({bin + ",i32,3x2x2"}), HasSubstr("expected dtype float32"));
  for (const char* layout :
       {",f33,3x2x2", ",f32,0x2x2", ",f32,3x?x2", ",f32,3x", ",f32,", ",f32", ",,"}) {
    EXPECT_THAT(data_refusal({bin + layout}, kImage, ErrorCode::kUsage), HasSubstr("PTQ-S004"))
        << layout;
  }
  EXPECT_THAT(data_refusal({bin}), HasSubstr("named .npz, .npy or .safetensors"));
}

TEST_F(SampleForms, MappingsNameEveryInputOnce) {
  const std::vector<InputSpec> two = {{"x", DType::kFloat, {-1, 2, 2}}, {"y", DType::kFloat, {-1}}};
  write_file(folder_ / "x.npy", npy({3, 2, 2}, ramp(12)));
  write_file(folder_ / "y.npy", npy({2}, ramp(2)));
  const std::string x = "x=" + path("x.npy");
  EXPECT_THAT(data_refusal({x, "y=" + path("y.npy")}, two), HasSubstr("gives 2 samples"));
  EXPECT_THAT(data_refusal({x}, two), HasSubstr("no array for model input 'y'"));
  EXPECT_THAT(data_refusal({x, x}, two, ErrorCode::kUsage), HasSubstr("given a file before"));
  EXPECT_THAT(data_refusal({x, path("y.npy")}, two, ErrorCode::kUsage), HasSubstr("beside"));
  EXPECT_THAT(data_refusal({path("y.npy"), x}, two, ErrorCode::kUsage), HasSubstr("beside"));
  EXPECT_THAT(data_refusal({"z=" + path("x.npy")}, two, ErrorCode::kUsage),
              HasSubstr("whose inputs are x, y"));
  EXPECT_THAT(data_refusal({"x=" + path("none.npy")}), HasSubstr("no such file"));
  write_npz(folder_ / "two.npz", {{"a", npy({3, 2, 2}, ramp(12))}, {"b", npy({2}, ramp(2))}});
  EXPECT_THAT(data_refusal({"x=" + path("two.npz")}), HasSubstr("one named 'x'"));
  const DataOptions labelled{.label_key = "truth"};
  write_file(folder_ / "t.npy", npy<int64_t>({3}, {4, 5, 6}));
  EXPECT_EQ(read_all(*open_data({x, "truth=" + path("t.npy")}, kImage, labelled))[2].label, 6);
}

TEST_F(SampleForms, OptionalInputsMayBeMissing) {
  const std::vector<InputSpec> two = {{"x", DType::kFloat, {-1, 2, 2}},
                                      {"state", DType::kFloat, {1, 2}}};
  DataOptions options;
  options.optional_inputs = {"state"};
  write_file(folder_ / "x.npy", npy({3, 2, 2}, ramp(12)));
  EXPECT_EQ(samples(folder_ / "x.npy", two, options)[0].inputs.size(), 1U);
  write_npz(folder_ / "a.npz", {{"x", npy({1, 2, 2}, ramp(4))}, {"state", npy({2}, ramp(2))}});
  EXPECT_EQ(samples(folder_ / "a.npz", two, options)[0].inputs.size(), 2U);
  fs::create_directory(folder_ / "set");
  write_file(folder_ / "set/input_0.pb",
             testing::tensor_bytes("", DType::kFloat, {1, 2, 2}, bytes_of(ramp(4))));
  EXPECT_EQ(samples(folder_ / "set", two, options)[0].inputs.size(), 1U);
}

}  // namespace
}  // namespace ptq
