#include "validate/output_matching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/text_model.h"
#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

Session session(const std::string& signature_and_body) {
  return open_session(
      parse_text_model("<ir_version: 8, opset_import: [\"\" : 17]> g " + signature_and_body), {});
}

const std::string kBody = "{ a = Relu(x)\n b = Neg(x) }";

TEST(MatchOutputs, GoesByName) {
  InterfaceReport report;
  const Session fp32 = session("(float[2] x) => (float[2] a, float[2] b) " + kBody);
  const auto same = match_outputs(fp32, fp32, report);
  EXPECT_TRUE(report.sound());
  ASSERT_EQ(same.size(), 2U);
  const Session other = session("(float[2] x) => (float[2] b, float[2] a) " + kBody);
  const auto pairs = match_outputs(fp32, other, report);
  EXPECT_EQ(pairs[0].quantized, 1U);
  EXPECT_EQ(pairs[1].quantized, 0U);
  EXPECT_THAT(report.order, HasSubstr("another order: FP32 has [a, b], quantized has [b, a]"));
}

TEST(MatchOutputs, NamesWhatIsMissing) {
  InterfaceReport report;
  const Session fp32 = session("(float[2] x) => (float[2] a, float[2] b) " + kBody);
  const Session one = session("(float[2] x) => (float[2] b) " + kBody);
  EXPECT_EQ(match_outputs(fp32, one, report).size(), 1U);
  EXPECT_THAT(report.missing, HasSubstr("differ in their outputs"));
  const Session none = session("(float[2] x) => (float[2] c) { c = Neg(x) }");
  EXPECT_THROW(match_outputs(fp32, none, report), Error);
  const Session input = session("(float[2] z) => (float[2] a) { a = Neg(z) }");
  EXPECT_THROW(match_outputs(fp32, input, report), Error);
}

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({static_cast<int64_t>(values.size())}, std::span<const float>(values));
}

TEST(CrossErrors, FindsContentsThatChangedPlaces) {
  const std::vector<OutputPair> pairs = {{"a", 0, 0}, {"b", 1, 1}, {"c", 2, 2}};
  const Tensor a = row({1, 2, 3});
  const Tensor b = row({-4, 5, -6});
  const Tensor c = row({7, 7, 7, 7});  // of another shape
  const Tensor almost_a = row({1.01F, 2, 2.99F});
  const Tensor almost_b = row({-4, 5.02F, -6});
  CrossErrors right(3);
  right.add(CrossErrors::measure({&a, &b, &c}, {&almost_a, &almost_b, &c}));
  EXPECT_EQ(right.exchanged(pairs), "");
  CrossErrors wrong(3);
  wrong.add(CrossErrors::measure({&a, &b, &c}, {&almost_b, &almost_a, &c}));
  EXPECT_THAT(wrong.exchanged(pairs), HasSubstr("outputs a and b have changed places"));
}

TEST(CrossErrors, ExchangedOutputsOfUnequalShapeAreSeenToo) {
  const std::vector<OutputPair> pairs = {{"a", 0, 0}, {"b", 1, 1}};
  const Tensor a = row({1, 2, 3});
  const Tensor b = row({-4, 5});
  CrossErrors wrong(2);
  wrong.add(CrossErrors::measure({&a, &b}, {&b, &a}));
  EXPECT_THAT(wrong.exchanged(pairs), HasSubstr("outputs a and b have changed places"));
}

TEST(CrossErrors, TwoEqualOutputsAreNotExchanged) {
  const std::vector<OutputPair> pairs = {{"a", 0, 0}, {"b", 1, 1}};
  const Tensor a = row({1, 2, 3});
  CrossErrors equal(2);
  equal.add(CrossErrors::measure({&a, &a}, {&a, &a}));
  EXPECT_EQ(equal.exchanged(pairs), "");
}

}  // namespace
}  // namespace ptq
