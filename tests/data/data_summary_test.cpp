#include "data/data_summary.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Sample sample(const std::string& origin, const Tensor& tensor, const std::string& stratum = "",
              int64_t sequence = 0) {
  Sample result;
  result.origin = origin;
  result.inputs.emplace("x", tensor);
  result.stratum = stratum;
  result.sequence = sequence;
  return result;
}

template <typename T>
Tensor row(const std::vector<T>& values) {
  return Tensor::from<T>({1, static_cast<int64_t>(values.size())}, values);
}

const std::vector<InputSpec> kInputs = {{"x", DType::kFloat, {-1, -1}}};

TEST(DataSummary, CountsValuesShapesStrataAndFiles) {
  DataSummary summary(kInputs);
  summary.add(sample("a[0]", row<float>({1, 2, 6}), "s"));
  summary.add(sample("a[1]", row<float>({-3, 4}), "s"));
  summary.add(sample("b", row<float>({5, 5, 5}), "", 1));
  const DataCheck check = summary.result();
  EXPECT_EQ(check.samples, 3U);
  EXPECT_EQ(check.files, 2U);
  EXPECT_THAT(check.strata, ElementsAre(Pair("", 1), Pair("s", 2)));
  const InputSummary& input = check.inputs[0];
  EXPECT_THAT(input.shapes, ElementsAre(Pair(Shape{1, 3}, 2U), Pair(Shape{1, 2}, 1U)));
  EXPECT_EQ(input.values, 8U);
  EXPECT_EQ(input.min, -3.0);
  EXPECT_EQ(input.max, 6.0);
  EXPECT_EQ(input.mean, 25.0 / 8.0);
  EXPECT_EQ(input.constant_samples, 1U);
  EXPECT_TRUE(check.findings.empty());
}

TEST(DataSummary, FindsDuplicatesByTypeShapeAndBytes) {
  DataSummary summary(kInputs);
  summary.add(sample("a", row<float>({1, 2})));
  summary.add(sample("b", Tensor::from<float>({2, 1}, std::vector<float>{1, 2})));
  summary.add(sample("c", row<int32_t>({1, 2})));
  summary.add(sample("d", row<float>({1, 2}), "elsewhere", 7));
  summary.add(sample("e", row<float>({1, 2})));
  const DataCheck check = summary.result();
  EXPECT_EQ(check.duplicates, 2U);
  ASSERT_EQ(check.findings.size(), 1U);
  EXPECT_EQ(check.findings[0].code, "PTQ-S105");
  EXPECT_EQ(check.findings[0].severity, "warning");
  EXPECT_THAT(check.findings[0].message, AllOf(HasSubstr("2 of 5 samples"), HasSubstr("d is a")));
}

TEST(DataSummary, CountsWhatIsNotFiniteOverAllSamples) {
  const float inf = std::numeric_limits<float>::infinity();
  DataSummary summary(kInputs);
  summary.add(sample("a", row<float>({1, 2})));
  summary.add(sample("b", row<float>({inf, 7, -inf})));
  summary.add(sample("c", row<float>({std::numeric_limits<float>::quiet_NaN(), 3})));
  const DataCheck check = summary.result();
  EXPECT_EQ(check.inputs[0].nonfinite_values, 3U);
  EXPECT_EQ(check.inputs[0].max, 7.0);
  ASSERT_TRUE(check.has("error"));
  EXPECT_THAT(check.findings[0].message,
              AllOf(HasSubstr("3 NaN or infinite value(s) in 2 sample(s), the first is b"),
                    HasSubstr("PTQ-S016")));
}

TEST(DataSummary, CapsTheShapesItKeeps) {
  DataSummary summary(kInputs);
  for (size_t i = 1; i <= 40; ++i) {
    summary.add(sample("s", row<float>(std::vector<float>(i, static_cast<float>(i)))));
  }
  const DataCheck check = summary.result();
  EXPECT_EQ(check.inputs[0].shapes.size(), InputSummary::kMaxShapes);
  EXPECT_EQ(check.inputs[0].other_shape_samples, 40U - InputSummary::kMaxShapes);
  EXPECT_EQ(check.inputs[0].constant_samples, 39U);  // one element is not constant
}

TEST(DataSummary, ReadsEveryNumericType) {
  DataSummary summary(kInputs);
  summary.add(sample("a", row<uint64_t>({uint64_t{1} << 63})));
  summary.add(sample("b", row<int64_t>({-(int64_t{1} << 40)})));
  summary.add(sample("c", row<double>({1e300})));
  summary.add(sample("d", Tensor(DType::kBool, {1, 2})));
  summary.add(sample("e", row<uint8_t>({255})));
  Tensor half(DType::kFloat16, {1, 1});
  summary.add(sample("f", half));
  const DataCheck check = summary.result();
  EXPECT_EQ(check.inputs[0].values, 7U);
  EXPECT_EQ(check.inputs[0].min, -1099511627776.0);
  EXPECT_EQ(check.inputs[0].max, 1e300);
}

TEST(DataSummary, LeavesOutInputsThatASampleLacks) {
  DataSummary summary({{"x", DType::kFloat, {-1}}, {"state", DType::kFloat, {1}}});
  summary.add(sample("a", row<float>({1, 2})));
  EXPECT_EQ(summary.result().inputs[1].samples, 0U);
}

}  // namespace
}  // namespace ptq
