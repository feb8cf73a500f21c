#include "runtime/observed_session.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "runtime/runtime_models.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Collector : ObserverSink {
  void observe(int64_t slot, const ObservedTensor& tensor) override {
    ++calls[slot];
    blocked[slot] = tensor.block != 0;
    for_each_piece(tensor, [&](std::span<const float> piece) {
      values[slot].insert(values[slot].end(), piece.begin(), piece.end());
    });
  }
  std::map<int64_t, int> calls;
  std::map<int64_t, bool> blocked;
  std::map<int64_t, std::vector<float>> values;
};

std::vector<float> sorted(std::span<const float> values) {
  std::vector<float> out(values.begin(), values.end());
  std::sort(out.begin(), out.end());
  return out;
}

// Each of `values` is observed once a run with exactly its values, and outputs are as without
// observers.
Collector expect_observed(const Model& model, const std::vector<std::string>& values) {
  Collector collector;
  const ObservedSession observed = observe_values(model, values, collector);
  EXPECT_EQ(observed.fallback_reason, "");
  EXPECT_THAT(observed.skipped, IsEmpty());
  for (const uint32_t seed : {1U, 2U, 3U}) {
    collector = {};
    const auto feeds = exact_feeds(model, seed);
    const auto raw = raw_values(model, values, feeds);
    const std::vector<Tensor> outputs = observed.session.run(feeds);
    for (size_t slot = 0; slot < values.size(); ++slot) {
      const auto id = static_cast<int64_t>(slot);
      EXPECT_EQ(collector.calls[id], 1) << values[slot];
      EXPECT_EQ(sorted(collector.values[id]), sorted(raw.at(values[slot]).data<float>()))
          << values[slot];
    }
    EXPECT_EQ(outputs.size(), model.graph.outputs.size());
    for (size_t i = 0; i < std::min(outputs.size(), model.graph.outputs.size()); ++i) {
      const std::string& name = model.graph.outputs[i].name;
      EXPECT_EQ(observed.session.outputs()[i].name, name);
      EXPECT_TRUE(std::ranges::equal(outputs[i].data<float>(), raw.at(name).data<float>())) << name;
    }
  }
  return collector;
}

TEST(ObserveValues, SeesTheClipBehindAConvolutionAtAnyNumberOfChannels) {
  for (const int in : {3, 8, 20}) {
    for (const int out : {4, 8, 12, 16, 20, 24, 40}) {
      SCOPED_TRACE(testing::Message() << in << " to " << out << " channels");
      Collector seen = expect_observed(conv_clip_model(in, out), {"r", "y"});
      // A convolution of fewer channels than a block reads the plain layout, which is then there.
      if (nchwc_block_size() != 0 && out >= nchwc_block_size()) {
        EXPECT_TRUE(seen.blocked[0]) << "r was converted to the plain layout to be observed";
      }
    }
  }
}

TEST(ObserveValues, SeesBothSidesOfAnActivation) {
  expect_observed(conv_clip_model(8, 20), {"c", "r"});
}

TEST(ObserveValues, SeesDepthwiseAndResidualBlocks) {
  expect_observed(exact_model(R"((float[N,16,6,6] x, float[24,16,1,1] w1, float[24,1,3,3] w2,
                                  float[16,24,1,1] w3, float[16] w4) => (float[N,16,6,6] y)
    <float low = {0}, float high = {6}> {
      a = Conv (x, w1)
      b = Clip (a, low, high)
      c = Conv <group = 24, pads = [1, 1, 1, 1]> (b, w2)
      d = Clip (c, low, high)
      e = Conv (d, w3, w4)
      s = Add (x, e)
      t = Conv (s, w1)
      u = Relu (t)
      v = Conv (u, w3)
      y = Add (s, v)
    })"),
                  {"b", "d", "e", "s", "u", "v", "y"});
}

// Padding lanes hold 0.5 here: what they hold must not matter.
TEST(ObserveValues, LeavesOutPaddingThatIsNotZero) {
  expect_observed(exact_model(R"((float[1,8,5,5] x, float[12,8,3,3] w1, float[8,12,1,1] w2)
                                 => (float[1,8,3,3] y) {
      c = Conv (x, w1)
      h = HardSigmoid <alpha = 0.25, beta = 0.5> (c)
      y = Conv (h, w2)
    })"),
                  {"h", "y"});
}

TEST(ObserveValues, SeesPoolingConcatAndMixedConsumers) {
  expect_observed(exact_model(R"((float[1,8,8,8] x, float[12,8,3,3] w1, float[20,8,3,3] w2,
                                  float[8,32,1,1] w3) => (float[1,8] y, float[1,12,48] z)
    <int64[3] shape = {1, 12, 48}> {
      a = Conv <pads = [1, 1, 1, 1]> (x, w1)
      ar = Relu (a)
      b = Conv <pads = [1, 1, 1, 1]> (x, w2)
      br = Relu (b)
      p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (ar)
      q = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (br)
      c = Concat <axis = 1> (p, q)
      d = Conv (c, w3)
      e = GlobalMaxPool (d)
      y = Flatten (e)
      starts = Constant <value = int64[1] {2}> ()
      ends = Constant <value = int64[1] {8}> ()
      axes = Constant <value = int64[1] {2}> ()
      f = Slice (ar, starts, ends, axes)
      z = Reshape (f, shape)
    })"),
                  {"ar", "br", "p", "q", "c", "d", "e", "z"});
}

TEST(ObserveValues, SeesMatrixProductsAndGraphOutputs) {
  expect_observed(exact_model(R"((float[N,6] x, float[6,10] w1, float[10] w2, float[10,4] w3)
                                 => (float[N,10] r, float[N,4] y) {
      m = MatMul (x, w1)
      a = Add (m, w2)
      r = Relu (a)
      y = Gemm (r, w3)
    })"),
                  {"m", "a", "r", "y"});
}

TEST(ObserveValues, TracesWhatTheRuntimeRemoves) {
  expect_observed(exact_model(R"((float[2,3] x, float[2,3] w1) => (float[2,3] y) {
      same = Identity (x)
      k = Neg (w1)
      kk = Neg (k)
      again = Identity (same)
      y = Add (again, kk)
    })"),
                  {"same", "again", "k", "kk", "y"});
}

TEST(ObserveValues, SeesValuesThatNothingElseReads) {
  expect_observed(exact_model(R"((float[2,3] x) => (float[2,3] y) {
      unused = Abs (x)
      y = Neg (x)
    })"),
                  {"unused"});
}

TEST(ObserveValues, KeepsValuesThatInnerGraphsCapture) {
  expect_observed(exact_model(R"((float[2,3] x) => (float[2,3] y)
    <bool yes = {1}> {
      a = Neg (x)
      y = If (yes) <
        then_branch = t () => (float[2,3] o) { o = Abs (a) },
        else_branch = e () => (float[2,3] o2) { o2 = Neg (a) }>
    })"),
                  {"a", "y"});
}

TEST(ObserveValues, SkipsOtherTypesThanFloat32) {
  const Model model = exact_model(R"((float[2,3] x) => (float[2,3] y, int64[2] s) {
      s = Shape (x)
      h = Cast <to = 10> (x)
      d = Cast <to = 1> (h)
      y = Neg (d)
    })");
  Collector collector;
  const ObservedSession observed = observe_values(model, {"s", "y", "h"}, collector);
  EXPECT_EQ(observed.fallback_reason, "");
  EXPECT_THAT(observed.skipped, testing::UnorderedElementsAre(0U, 2U));
  observed.session.run({{"x", small_integers({2, 3}, 1)}});
  EXPECT_EQ(collector.calls.size(), 1U);
  EXPECT_EQ(collector.values[1].size(), 6U);
}

TEST(ObserveValues, RefusesAnUnknownName) {
  Collector collector;
  try {
    observe_values(conv_clip_model(8, 8), {"r", "bad\nname"}, collector);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput);
    EXPECT_THAT(error.what(), HasSubstr("'bad?name'"));
  }
}

TEST(ObserveValues, ReportsAModelThatTheRuntimeRefuses) {
  Model model = conv_clip_model(8, 8);
  model.graph.nodes[0].op_type = "NoSuchOperator";
  Collector collector;
  try {
    observe_values(model, {"r"}, collector);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kRuntime);
    EXPECT_THAT(error.what(), HasSubstr("NoSuchOperator"));
  }
}

TEST(ObserveValues, TurnsAFailureOfTheSinkIntoAnError) {
  struct Failing : ObserverSink {
    void observe(int64_t /*slot*/, const ObservedTensor& /*tensor*/) override {
      throw std::runtime_error("the sink is full");
    }
  } sink;
  const Model model = conv_clip_model(8, 8);
  const ObservedSession observed = observe_values(model, {"r"}, sink);
  try {
    observed.session.run(exact_feeds(model, 1));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kRuntime);
    EXPECT_THAT(error.what(), HasSubstr("the sink is full"));
  }
}

}  // namespace
}  // namespace ptq
