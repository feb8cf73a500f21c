#include "data/array_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::testing::HasSubstr;

InputSpec spec(Shape shape, DType dtype = DType::kFloat) {
  return {"in", dtype, std::move(shape)};
}

ArrayFit fit(const InputSpec& wanted, const Shape& shape) {
  return fit_array(wanted, wanted.dtype, shape, "f.npz: key 'in'");
}

std::string refusal(const InputSpec& wanted, const Shape& shape) {
  return error_of([&] { fit(wanted, shape); });
}

void expect_fit(const ArrayFit& fit, int64_t samples, int64_t rows, bool add_axis) {
  EXPECT_EQ(fit.samples, samples);
  EXPECT_EQ(fit.rows, rows);
  EXPECT_EQ(fit.add_axis, add_axis);
}

TEST(FitArray, CutsAlongAxis0) {
  expect_fit(fit(spec({-1, 3, 8, 8}), {5, 3, 8, 8}), 5, 1, false);
  expect_fit(fit(spec({1, 3, 8, 8}), {5, 3, 8, 8}), 5, 1, false);
  expect_fit(fit(spec({4, 3}), {12, 3}), 3, 4, false);
  expect_fit(fit(spec({-1, -1, 3}), {5, 77, 3}), 5, 1, false);
  expect_fit(fit(spec({-1}), {5}), 5, 1, false);
}

TEST(FitArray, TakesAnArrayWithoutSampleAxisAsOneSample) {
  expect_fit(fit(spec({-1, 3, 8, 8}), {3, 8, 8}), 1, 0, true);
  expect_fit(fit(spec({1, -1, 8}), {77, 8}), 1, 0, true);
  EXPECT_THAT(refusal(spec({-1, 3, 8, 8}), {3, 8, 9}), HasSubstr("without the sample axis"));
  EXPECT_THAT(refusal(spec({2, 3, 8, 8}), {3, 8, 8}), HasSubstr("rank 3 instead of 4"));
}

TEST(FitArray, GivesScalarsToEverySample) {
  EXPECT_TRUE(fit(spec({}), {}).to_every_sample());
  EXPECT_TRUE(fit(spec({-1}), {}).to_every_sample());
  EXPECT_TRUE(fit(spec({-1}), {}).add_axis);
  EXPECT_THAT(refusal(spec({}), {5}), HasSubstr("save a scalar"));
}

TEST(FitArray, CutsAlongAxis0WhenTheRankIsUnknown) {
  const InputSpec any = {"in", DType::kFloat, {}, /*has_shape=*/false};
  expect_fit(fit(any, {5, 2}), 5, 1, false);
  EXPECT_TRUE(fit(any, {}).to_every_sample());
}

TEST(FitArray, RefusesARemainder) {
  EXPECT_THAT(refusal(spec({4, 3}), {10, 3}),
              AllOf(HasSubstr("f.npz"), HasSubstr("takes 4 rows"), HasSubstr("the 10 rows")));
}

TEST(FitArray, RefusesWrongRankAndDimensions) {
  EXPECT_THAT(refusal(spec({-1, 3, 8, 8}), {5, 8, 8, 3}),
              AllOf(HasSubstr("expected shape [?,3,8,8] for input 'in'"), HasSubstr("[5,8,8,3]")));
  EXPECT_THAT(refusal(spec({-1, 3}), {1, 5, 3}), HasSubstr("rank 3 instead of 2"));
  EXPECT_THAT(refusal(spec({-1, 3}), {0, 3}), HasSubstr("no rows"));
  EXPECT_THAT(refusal(spec({0, 3}), {3, 3}), HasSubstr("takes 0 rows"));
}

TEST(FitArray, RefusesEveryOtherTypeAndGivesTheNumpyLine) {
  const auto refuse = [](DType wanted, DType found) {
    return error_of([&] { fit_array(spec({-1, 3}, wanted), found, {5, 3}, "f.npz: key 'in'"); });
  };
  EXPECT_THAT(refuse(DType::kFloat, DType::kDouble),
              AllOf(HasSubstr("expected dtype float32"), HasSubstr("x.astype(numpy.float32)")));
  EXPECT_THAT(refuse(DType::kInt64, DType::kInt32), HasSubstr("x.astype(numpy.int64)"));
  EXPECT_THAT(refuse(DType::kFloat, DType::kUint8), HasSubstr("x.astype(numpy.float32)"));
  EXPECT_THAT(refuse(DType::kBool, DType::kUint8), HasSubstr("x.astype(numpy.bool_)"));
  EXPECT_THAT(refuse(DType::kBfloat16, DType::kFloat),
              HasSubstr("npy files cannot hold that type"));
  EXPECT_EQ(fit_array(spec({-1, 3}, DType::kUndefined), DType::kInt8, {5, 3}, "").samples, 5);
}

TEST(CheckWhole, TakesATensorAsItIs) {
  check_whole(spec({-1, 3}), DType::kFloat, {7, 3}, "input_0.pb");
  EXPECT_THAT(error_of([] {
                check_whole(spec({2, 3}), DType::kFloat, {4, 3}, "input_0.pb");
              }),
              HasSubstr("input_0.pb"));
  EXPECT_THAT(error_of([] {
                check_whole(spec({2, 3}), DType::kFloat, {2, 3, 1}, "input_0.pb");
              }),
              HasSubstr("rank 3"));
  EXPECT_THAT(error_of([] {
                check_whole(spec({2, 3}), DType::kDouble, {2, 3}, "input_0.pb");
              }),
              HasSubstr("expected dtype float32"));
}

}  // namespace
}  // namespace ptq
