#include "calib/second_moment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calib/channel_tensors.h"
#include "calib/gram_kernel.h"
#include "onnx_io/text_model.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Rows of real numbers, by the definition; `groups` matrices side by side.
using Matrix = std::vector<std::vector<double>>;

float absmax_of(const Stored& plain, size_t axis, size_t channel) {
  size_t inner = 1;
  for (size_t k = axis + 1; k < plain.shape.size(); ++k) {
    inner *= static_cast<size_t>(plain.shape[k]);
  }
  float absmax = 0.0F;
  for (size_t i = 0; i < plain.values.size(); ++i) {
    if (i / inner % static_cast<size_t>(plain.shape[axis]) == channel) {
      absmax = std::max(absmax, std::fabs(plain.values[i]));
    }
  }
  return absmax;
}

std::vector<int> exponents_of(const Stored& plain, size_t axis) {
  std::vector<int> out;
  for (size_t c = 0; c < static_cast<size_t>(plain.shape[axis]); ++c) {
    out.push_back(code_exponent(absmax_of(plain, axis, c)));
  }
  return out;
}

double coded(double x, int exponent) {
  return exponent == kZeroChannel ? 0.0 : std::nearbyint(std::ldexp(x, exponent));
}

// The codes of all patches of one group of [N, C, H, W], naively.
Matrix patches(const Stored& plain, const PatchShape& shape, int64_t group,
               const std::vector<int>& exponents) {
  Shape in = plain.shape;
  if (in.size() == 3) {
    in.insert(in.begin() + 2, 1);
  }
  const int64_t per_group = in[1] / shape.groups;
  std::array<int64_t, 2> outputs{};
  for (size_t k = 0; k < 2; ++k) {
    const int64_t reach = (shape.kernel[k] - 1) * shape.dilations[k] + 1;
    outputs[k] =
        (in[2 + k] + shape.pads_begin[k] + shape.pads_end[k] - reach) / shape.strides[k] + 1;
  }
  Matrix rows;
  for (int64_t n = 0; n < in[0]; ++n) {
    for (int64_t oy = 0; oy < outputs[0]; ++oy) {
      for (int64_t ox = 0; ox < outputs[1]; ++ox) {
        std::vector<double> row;
        for (int64_t c = group * per_group; c < (group + 1) * per_group; ++c) {
          for (int64_t ky = 0; ky < shape.kernel[0]; ++ky) {
            for (int64_t kx = 0; kx < shape.kernel[1]; ++kx) {
              const int64_t y =
                  oy * shape.strides[0] + ky * shape.dilations[0] - shape.pads_begin[0];
              const int64_t x =
                  ox * shape.strides[1] + kx * shape.dilations[1] - shape.pads_begin[1];
              const bool inside = y >= 0 && y < in[2] && x >= 0 && x < in[3];
              const auto at = static_cast<size_t>(((n * in[1] + c) * in[2] + y) * in[3] + x);
              row.push_back(inside ? coded(plain.values[at], exponents[static_cast<size_t>(c)])
                                   : 0.0);
            }
          }
        }
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

// Codes are integers, so that every sum here is exact.
void expect_moment(const SecondMoment& moment, const Matrix& rows) {
  ASSERT_EQ(moment.rows, rows.size());
  const size_t k = moment.columns();
  const std::vector<double> dense = moment.dense();
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = 0; j < k; ++j) {
      double sum = 0.0;
      for (const std::vector<double>& row : rows) {
        sum += row[i] * row[j];
      }
      if (sum != 0.0) {
        sum = std::ldexp(sum, -moment.exponents[i] - moment.exponents[j]);
      }
      ASSERT_EQ(moment.at(i, j), sum) << i << ", " << j;
      ASSERT_EQ(dense[i * k + j], sum);
    }
  }
}

SecondMoment moment_of(const MomentRows& rows, size_t group, std::vector<int> exponents) {
  SecondMoment moment = empty_second_moment(std::move(exponents));
  add_rows(rows, group, {}, moment);
  return moment;
}

std::vector<int> group_exponents(const PatchShape& shape, const std::vector<int>& channels,
                                 size_t group) {
  const std::vector<int> all = patch_exponents(shape, channels);
  const auto k = static_cast<ptrdiff_t>(all.size()) / shape.groups;
  return {all.begin() + static_cast<ptrdiff_t>(group) * k,
          all.begin() + static_cast<ptrdiff_t>(group + 1) * k};
}

void expect_patches(const Stored& plain, const PatchShape& shape) {
  SCOPED_TRACE(testing::Message() << shape_text(plain.shape) << " kernel " << shape.kernel[0] << "x"
                                  << shape.kernel[1] << " groups " << shape.groups);
  const std::vector<int> exponents = exponents_of(plain, 1);
  const MomentRows rows = patch_rows(plain.observed(), shape, exponents);
  std::vector<MomentRows> blocked;
  if (plain.shape.size() == 4) {
    const float nan = std::numeric_limits<float>::quiet_NaN();  // padding is not looked at
    blocked.push_back(patch_rows(blocked_tensor(plain, 8, nan).observed(), shape, exponents));
    blocked.push_back(patch_rows(blocked_tensor(plain, 16, nan).observed(), shape, exponents));
  }
  for (size_t group = 0; group < static_cast<size_t>(shape.groups); ++group) {
    const std::vector<int> columns = group_exponents(shape, exponents, group);
    const SecondMoment moment = moment_of(rows, group, columns);
    expect_moment(moment, patches(plain, shape, static_cast<int64_t>(group), exponents));
    for (const MomentRows& other : blocked) {
      EXPECT_EQ(moment_of(other, group, columns), moment);
    }
  }
}

TEST(SecondMoment, EqualsBruteForceOfPatches) {
  PatchShape shape;
  expect_patches(plain_tensor({1, 5, 4, 3}, 1), shape);  // 1 × 1
  shape.kernel = {3, 3};
  expect_patches(plain_tensor({1, 3, 7, 6}, 2), shape);
  shape.pads_begin = {1, 2};
  shape.pads_end = {0, 1};
  expect_patches(plain_tensor({2, 9, 5, 6}, 3), shape);
  shape.strides = {2, 1};
  shape.dilations = {1, 2};
  expect_patches(plain_tensor({2, 4, 9, 8}, 4), shape);
  shape.groups = 4;
  expect_patches(plain_tensor({1, 20, 6, 7}, 5), shape);  // groups that cut channel blocks
  shape.groups = 20;
  expect_patches(plain_tensor({1, 20, 6, 7}, 6), shape);  // depthwise
  shape = PatchShape();
  shape.kernel = {1, 5};
  shape.pads_begin = {0, 2};
  shape.strides = {1, 3};
  expect_patches(plain_tensor({2, 6, 17}, 7), shape);  // one spatial dimension
  shape = PatchShape();
  shape.kernel = {5, 5};
  expect_patches(plain_tensor({1, 1, 30, 40}, 8), shape);  // more rows than a panel holds
}

TEST(SecondMoment, EqualsBruteForceOfRowsAlongAnyAxis) {
  unsigned seed = 50;
  for (const Shape& shape : {Shape{7, 40}, Shape{2, 5, 33}, Shape{1, 3, 4, 16}, Shape{19},
                             Shape{600, 3}, Shape{1, 48, 5, 7}}) {
    const Stored plain = plain_tensor(shape, ++seed);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      const std::vector<int> exponents = exponents_of(plain, axis);
      const MomentRows rows = rows_along(plain.observed(), static_cast<int64_t>(axis), exponents);
      size_t inner = 1;
      for (size_t k = axis + 1; k < shape.size(); ++k) {
        inner *= static_cast<size_t>(shape[k]);
      }
      const size_t channels = exponents.size();
      Matrix expected(plain.values.size() / channels, std::vector<double>(channels));
      for (size_t i = 0; i < plain.values.size(); ++i) {
        const size_t c = i / inner % channels;
        expected[i / inner / channels * inner + i % inner][c] =
            coded(plain.values[i], exponents[c]);
      }
      expect_moment(moment_of(rows, 0, exponents), expected);
      const auto from_back = static_cast<int64_t>(axis) - static_cast<int64_t>(shape.size());
      EXPECT_EQ(moment_of(rows_along(plain.observed(), from_back, exponents), 0, exponents),
                moment_of(rows, 0, exponents));
      if (axis == 1 && shape.size() == 4) {
        EXPECT_EQ(
            moment_of(rows_along(blocked_tensor(plain, 16).observed(), 1, exponents), 0, exponents),
            moment_of(rows, 0, exponents));
      }
    }
  }
}

TEST(SecondMoment, IsCloseToThatOfTheRealNumbers) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  Stored plain;
  plain.shape = {500, 24};
  for (size_t i = 0; i < 500 * 24; ++i) {  // channels of very different size, with a mean
    plain.values.push_back(std::ldexp(normal(random) + 0.5F, static_cast<int>(i % 24) * 4 - 48));
  }
  const std::vector<int> exponents = exponents_of(plain, 1);
  const SecondMoment moment = moment_of(rows_along(plain.observed(), 1, exponents), 0, exponents);
  for (size_t i = 0; i < 24; ++i) {
    for (size_t j = 0; j < 24; ++j) {
      double sum = 0.0;
      for (size_t row = 0; row < 500; ++row) {
        sum += double{plain.values[row * 24 + i]} * double{plain.values[row * 24 + j]};
      }
      // Steps are at most 2^−11 · 4 σ, a sum of 500 · 2 errors then has a standard deviation of
      // 4 · 10^−5 of 500 σ². Five times as much is never reached.
      EXPECT_NEAR(moment.at(i, j), sum, 2e-4 * std::sqrt(moment.at(i, i) * moment.at(j, j)));
    }
  }
}

TEST(SecondMoment, DoesNotDependOnOrderPartitionOrThreads) {
  std::vector<Stored> samples;
  Stored all{{}, {0, 37}};
  for (unsigned i = 0; i < 24; ++i) {
    samples.push_back(plain_tensor({1, 1 + static_cast<int64_t>(i * 5 % 17), 37}, 70 + i));
    all.values.insert(all.values.end(), samples.back().values.begin(), samples.back().values.end());
    all.shape[0] += samples.back().shape[1];
  }
  const std::vector<int> exponents = exponents_of(all, 1);
  const SecondMoment whole = moment_of(rows_along(all.observed(), 1, exponents), 0, exponents);
  const auto rows = [&](const Stored& sample) {
    return rows_along(sample.observed(), -1, exponents);
  };
  std::mt19937 random(10);
  std::shuffle(samples.begin(), samples.end(), random);
  SecondMoment merged = empty_second_moment(exponents);
  for (const Stored& sample : samples) {
    merged.merge(moment_of(rows(sample), 0, exponents));
  }
  EXPECT_EQ(merged, whole);

  constexpr int kRepeats = 200;  // so often that threads without locks lose additions
  SecondMoment repeated = empty_second_moment(exponents);
  for (int i = 0; i < kRepeats; ++i) {
    repeated.merge(whole);
  }
  for (const size_t threads : {1U, 2U, 4U}) {
    SecondMoment shared = empty_second_moment(exponents);
    std::vector<std::mutex> locks(2);
    std::vector<std::thread> pool;
    for (size_t thread = 0; thread < threads; ++thread) {
      pool.emplace_back([&, thread] {
        for (size_t i = thread; i < kRepeats * samples.size(); i += threads) {
          add_rows(rows(samples[i / kRepeats]), 0, locks, shared);
        }
      });
    }
    for (std::thread& thread : pool) {
      thread.join();
    }
    EXPECT_EQ(shared, repeated) << threads << " threads";
  }
}

TEST(SecondMoment, ChoosesStepsThatFitTheRange) {
  const float max = std::numeric_limits<float>::max();
  const float tiny = std::numeric_limits<float>::denorm_min();
  for (const float absmax : {1.0F, 0.99999994F, 1.5F, 4095.9F, max, 1e-30F, 3e38F, 0.1F}) {
    const double code = std::ldexp(double{absmax}, code_exponent(absmax));
    EXPECT_GE(code, 2048.0) << absmax;
    EXPECT_LT(code, 4096.0) << absmax;
  }
  EXPECT_EQ(code_exponent(0.0F), kZeroChannel);
  EXPECT_LE(code_exponent(tiny), 126);  // a scale that is a float
  // Channels of the smallest numbers count as zero or nearly so, and break nothing.
  const Stored small{{tiny, -tiny, 1e-38F, 0.0F}, {2, 2}};
  const std::vector<int> exponents = exponents_of(small, 1);
  const SecondMoment moment = moment_of(rows_along(small.observed(), 1, exponents), 0, exponents);
  EXPECT_NEAR(moment.at(0, 0), 1e-76, 4e-77);  // the code is 0.85, rounded to 1
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput);
    return error.what();
  }
  return "";
}

TEST(SecondMoment, RefusesValuesBeyondTheFirstPass) {
  const std::vector<int> exponents = {code_exponent(1.0F), kZeroChannel};
  const auto code = [&](float x, size_t count) {
    Stored tensor{std::vector<float>(2 * count, 0.0F), {static_cast<int64_t>(count), 2}};
    tensor.values[count / 2 * 2] = x;
    return message_of([&] { rows_along(tensor.observed(), 1, exponents); });
  };
  for (const size_t count : {1U, 3U, 40U}) {
    EXPECT_EQ(code(1.0F, count), "");
    EXPECT_EQ(code(-2.0002F, count), "");  // rounded another way by a fusion
    EXPECT_THAT(code(-2.001F, count), HasSubstr("within the ranges of the first pass"));
    EXPECT_THAT(code(std::numeric_limits<float>::infinity(), count), HasSubstr("larger"));
    EXPECT_THAT(code(std::nanf(""), count), HasSubstr("NaN"));
  }
}

TEST(SecondMoment, RefusesWhatDoesNotFit) {
  const Stored tensor = plain_tensor({1, 6, 4, 4}, 1);
  const std::vector<int> exponents = exponents_of(tensor, 1);
  EXPECT_THAT(message_of([&] { rows_along(tensor.observed(), 4, exponents); }),
              HasSubstr("axis 4, found shape [1,6,4,4]"));
  EXPECT_THAT(message_of([&] { rows_along(tensor.observed(), 2, exponents); }),
              HasSubstr("6 channels along axis 2"));
  EXPECT_THAT(message_of([&] { rows_along(blocked_tensor(tensor, 8).observed(), -1, exponents); }),
              HasSubstr("axis -1"));
  PatchShape shape;
  shape.groups = 4;
  EXPECT_THAT(message_of([&] { patch_rows(tensor.observed(), shape, exponents); }),
              HasSubstr("6 channels in 4 groups"));
  EXPECT_THAT(message_of([&] {
                patch_rows(plain_tensor({6, 6}, 1).observed(), {}, exponents);
              }),
              HasSubstr("[N,C,W] or [N,C,H,W], found shape [6,6]"));
  SecondMoment moment = empty_second_moment(exponents);
  EXPECT_THAT(message_of([&] {
                moment.merge(empty_second_moment({1, 2}));
              }),
              HasSubstr("same steps"));
}

// A Conv with attributes as text.
PatchShape shape_of(const std::string& attributes, const Shape& weight) {
  const Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 17]> g "
      "(float[N,C,H,W] x, float[M,C,K,K] w) => (float[] y) { y = Conv " +
      attributes + " (x, w) }");
  return patch_shape(model.graph.nodes.at(0), weight);
}

TEST(PatchShape, ReadsTheAttributesOfConv) {
  EXPECT_EQ(shape_of("", {8, 3, 5, 7}), (PatchShape{.kernel = {5, 7}}));
  EXPECT_EQ(shape_of("<kernel_shape = [3, 3], pads = [1, 2, 3, 4], strides = [2, 1], "
                     "dilations = [1, 3], group = 4>",
                     {8, 3, 3, 3}),
            (PatchShape{.kernel = {3, 3},
                        .strides = {2, 1},
                        .dilations = {1, 3},
                        .pads_begin = {1, 2},
                        .pads_end = {3, 4},
                        .groups = 4}));
  EXPECT_EQ(
      shape_of("<pads = [1, 2], strides = [3], auto_pad = \"NOTSET\">", {8, 3, 9}),
      (PatchShape{.kernel = {1, 9}, .strides = {1, 3}, .pads_begin = {0, 1}, .pads_end = {0, 2}}));
  EXPECT_EQ(shape_of("<auto_pad = \"VALID\">", {8, 3, 3, 3}), (PatchShape{.kernel = {3, 3}}));
}

TEST(PatchShape, PadsToTheSameSize) {
  // 6 values, kernel 4, stride 2 → 3 outputs, 2 padded; kernel 3 over 5 with stride 1 → 2 padded.
  const Stored tensor = plain_tensor({1, 2, 6, 5}, 90);
  const std::vector<int> exponents = exponents_of(tensor, 1);
  for (const bool upper : {true, false}) {
    const PatchShape same = shape_of(
        std::string("<strides = [2, 1], auto_pad = \"SAME_") + (upper ? "UPPER" : "LOWER") + "\">",
        {1, 2, 3, 4});  // 6 rows: kernel 3, stride 2 pads 1; 5 columns: kernel 4 pads 3
    PatchShape fixed{.kernel = {3, 4}, .strides = {2, 1}};
    fixed.pads_begin = upper ? std::array<int64_t, 2>{0, 1} : std::array<int64_t, 2>{1, 2};
    fixed.pads_end = upper ? std::array<int64_t, 2>{1, 2} : std::array<int64_t, 2>{0, 1};
    const std::vector<int> columns = patch_exponents(same, exponents);
    EXPECT_EQ(moment_of(patch_rows(tensor.observed(), same, exponents), 0, columns),
              moment_of(patch_rows(tensor.observed(), fixed, exponents), 0, columns));
  }
}

TEST(PatchShape, RefusesWhatContradictsItself) {
  const auto refused = [](const std::string& attributes, const Shape& weight) {
    return message_of([&] { shape_of(attributes, weight); });
  };
  EXPECT_THAT(refused("", {8, 3}), HasSubstr("one or two spatial dimensions"));
  EXPECT_THAT(refused("", {8, 3, 3, 3, 3}), HasSubstr("found a weight [8,3,3,3,3]"));
  EXPECT_THAT(refused("<kernel_shape = [3, 5]>", {8, 3, 3, 3}), HasSubstr("kernel_shape"));
  EXPECT_THAT(refused("<group = 0>", {8, 3, 3, 3}), HasSubstr("group"));
  EXPECT_THAT(refused("<strides = [0, 1]>", {8, 3, 3, 3}),
              HasSubstr("2 numbers from 1 in strides"));
  EXPECT_THAT(refused("<dilations = [1]>", {8, 3, 3, 3}), HasSubstr("in dilations"));
  EXPECT_THAT(refused("<pads = [1, 1]>", {8, 3, 3, 3}), HasSubstr("4 numbers from 0 in pads"));
  EXPECT_THAT(refused("<pads = [-1, 1, 1, 1]>", {8, 3, 3, 3}), HasSubstr("pads"));
}

}  // namespace
}  // namespace ptq
