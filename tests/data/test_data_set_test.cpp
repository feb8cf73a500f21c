#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "data/sample_source.h"
#include "data/tensor_writer.h"
#include "onnx_io/tensor_file.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::bytes_of;
using ::ptq::testing::error_of;
using ::ptq::testing::tensor_bytes;
using ::ptq::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string floats(std::string_view name, const std::vector<int64_t>& dims,
                   const std::vector<float>& values) {
  return tensor_bytes(name, DType::kFloat, dims, bytes_of(values));
}

class TestDataSet : public ::testing::Test {
 protected:
  std::filesystem::path make_set(const std::string& name, const std::vector<std::string>& inputs) {
    const std::filesystem::path set = folder_ / name;
    std::filesystem::create_directories(set);
    for (size_t k = 0; k < inputs.size(); ++k) {
      write_file(set / ("input_" + std::to_string(k) + ".pb"), inputs[k]);
    }
    return set;
  }

  std::vector<Sample> samples(const std::filesystem::path& path,
                              const std::vector<InputSpec>& inputs,
                              const DataOptions& options = {}) {
    const auto source = open_data({path.string()}, inputs, options);
    std::vector<Sample> result;
    while (std::optional<Sample> sample = source->next()) {
      result.push_back(std::move(*sample));
    }
    EXPECT_EQ(result.size(), source->size());
    return result;
  }

  std::string refusal(const std::filesystem::path& path, const std::vector<InputSpec>& inputs,
                      const DataOptions& options = {}, ErrorCode code = ErrorCode::kInput) {
    return error_of([&] { samples(path, inputs, options); }, code);
  }

  testing::TempFolder folder_;
  const std::vector<InputSpec> one_ = {{"x", DType::kFloat, {-1, 2}}};
  const std::vector<InputSpec> two_ = {{"a", DType::kFloat, {-1, 2}},
                                       {"b", DType::kFloat, {-1, 2}}};
};

TEST_F(TestDataSet, TakesFoldersByNumberAndWhole) {
  for (const int n : {10, 9, 0}) {
    make_set("test_data_set_" + std::to_string(n),
             {floats("x", {2, 2}, {static_cast<float>(n), 1, 2, 3})});
  }
  write_file(folder_ / "model.onnx", "x");
  const std::vector<Sample> found = samples(folder_.path(), one_);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].origin, "test_data_set_0");
  EXPECT_EQ(found[1].origin, "test_data_set_9");
  EXPECT_EQ(found[2].origin, "test_data_set_10");
  EXPECT_EQ(found[2].inputs.at("x").shape(), (Shape{2, 2}));
  EXPECT_THAT(found[2].inputs.at("x").data<float>(), ElementsAre(10, 1, 2, 3));
  EXPECT_EQ(samples(folder_.path(), one_, {.max_samples = 2}).size(), 2U);
}

TEST_F(TestDataSet, TakesOneSetByItself) {
  const std::filesystem::path set = make_set("any_name", {floats("", {1, 2}, {1, 2})});
  const std::vector<Sample> found = samples(set / "", one_);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].origin, "any_name");
}

TEST_F(TestDataSet, MatchesByNameWhenAllNamesAreThereElseByPosition) {
  const std::string first = floats("b", {1, 2}, {1, 2});
  const std::string second = floats("a", {1, 2}, {3, 4});
  const std::string odd = floats("c", {1, 2}, {5, 6});
  const auto first_value_of_a = [&](const std::string& folder,
                                    const std::vector<std::string>& files) {
    return samples(make_set(folder, files), two_)[0].inputs.at("a").data<float>()[0];
  };
  EXPECT_EQ(first_value_of_a("s0", {first, second}), 3);
  EXPECT_EQ(first_value_of_a("s1", {odd, first, second}), 3);  // a file more
  EXPECT_EQ(first_value_of_a("s2", {odd, second}), 5);
  EXPECT_THAT(refusal(make_set("s3", {odd, odd, second}), two_),
              HasSubstr("3 input files for 2 model inputs"));
}

TEST_F(TestDataSet, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal(make_set("s0", {floats("a", {1, 2}, {1, 2})}), two_),
              HasSubstr("expected input_0.pb to input_1.pb"));
  EXPECT_THAT(refusal(make_set("s1", {floats("x", {1, 3}, {1, 2, 3})}), one_),
              AllOf(HasSubstr("s1/input_0.pb"), HasSubstr("[?,2]"), HasSubstr("[1,3]")));
  EXPECT_THAT(refusal(make_set("s2", {tensor_bytes("x", DType::kInt32, {1, 2}, "12345678")}), one_),
              HasSubstr("expected dtype float32"));
  EXPECT_THAT(refusal(make_set("s3", {floats("x", {1, 2}, {1, std::nanf("")})}), one_),
              HasSubstr("at index [0,1]"));
  EXPECT_THAT(refusal(make_set("s4", {floats("x", {1, 2}, {1, 2})}), one_, {.label_key = "y"},
                      ErrorCode::kUsage),
              HasSubstr("labels by key 'y'"));
}

TEST_F(TestDataSet, RefusesDamagedTensorFiles) {
  const std::string good = floats("x", {1, 2}, {1, 2});
  EXPECT_THAT(refusal(make_set("s0", {""}), one_), HasSubstr("s0/input_0.pb"));
  EXPECT_THAT(refusal(make_set("s1", {"\xff\xff\xff"}), one_), HasSubstr("expected a TensorProto"));
  EXPECT_THAT(refusal(make_set("s2", {good + good}), one_), HasSubstr("s2/input_0.pb"));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(refusal(make_set("cut", {good.substr(0, size)}), one_),
                HasSubstr("cut/input_0.pb"));
  }
  // data_location = EXTERNAL (field 14) with location "/etc/passwd" is never opened.
  const std::string external = std::string("\x08\x01\x08\x02\x10\x01\x42\x01x", 9) +
                               "\x6a\x17\x0a\x08location\x12\x0b/etc/passwd" + "\x70\x01";
  EXPECT_THAT(refusal(make_set("s3", {external}), one_), HasSubstr("s3/input_0.pb"));
}

TEST_F(TestDataSet, TensorFileGivesNameAndValue) {
  const std::filesystem::path set = make_set("s", {floats("x", {2}, {1, 2})});
  const auto [name, tensor] = read_tensor_file(set / "input_0.pb");
  EXPECT_EQ(name, "x");
  EXPECT_EQ(tensor.shape(), Shape{2});
  EXPECT_THAT(tensor.data<float>(), ElementsAre(1, 2));
  EXPECT_THAT(error_of([&] { read_tensor_file(set / "input_1.pb"); }), HasSubstr("input_1.pb"));
}

}  // namespace
}  // namespace ptq
