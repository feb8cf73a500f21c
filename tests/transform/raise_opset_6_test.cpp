// The runtime has no kernels for most operators of opset 6, so what is right is said by a model of
// opset 13 beside each.

#include <gtest/gtest.h>

#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

std::string raise(Model& model) {
  Notes notes;
  raise_opset(model, notes);
  return notes.empty() ? "" : notes[0];
}

void expect_means(Model old_model, const Model& right) {
  EXPECT_EQ(raise(old_model), "opset raised from 6 to 13");
  const auto feeds = random_feeds(right, 1);
  EXPECT_LE(max_relative_difference(run_plain(right, feeds), run_plain(old_model, feeds)), 1e-6);
}

const std::string kSignature = "(float[2,3,4,5] x) => (float[2,3,4,5] y)";

TEST(RaiseOpset6, AlignsTheSecondOperandAtItsAxis) {
  const std::string b = weight_text("b", {3}, 1);
  const std::string c = weight_text("c", {3, 4}, 2);
  const std::string e = weight_text("e", {5}, 3);
  const Model old_model = model_of(6, kSignature, {b, c, e}, R"(
      p = Add <broadcast = 1, axis = 1> (x, b)
      q = Mul <broadcast = 1, axis = -3> (p, c)
      r = Sub <broadcast = 1> (q, e)
      y = Add (r, x))",
                                   6);
  const Model right =
      model_of(13, kSignature, {weight_text("b", {3, 1, 1}, 1), weight_text("c", {3, 4, 1}, 2), e},
               "p = Add (x, b) q = Mul (p, c) r = Sub (q, e) y = Add (r, x)");
  expect_means(old_model, right);
}

TEST(RaiseOpset6, SlopesOfPReluLieOnTheChannels) {
  expect_means(model_of(6, kSignature, {weight_text("s", {3}, 1)}, "y = PRelu (x, s)", 6),
               model_of(13, kSignature, {weight_text("s", {3, 1, 1}, 1)}, "y = PRelu (x, s)"));
  expect_means(model_of(6, kSignature, {weight_text("s", {1}, 1)}, "y = PRelu (x, s)", 6),
               model_of(13, kSignature, {weight_text("s", {1}, 1)}, "y = PRelu (x, s)"));
}

TEST(RaiseOpset6, DropsTheTrainingSwitchAndOldBroadcast) {
  const std::string w = weight_text("w", {4, 3}, 1);
  const std::string b = weight_text("b", {3}, 2);
  const std::string signature = "(float[2,4] x) => (float[2,3] y)";
  expect_means(model_of(6, signature, {w, b},
                        "a = Gemm <broadcast = 1> (x, w, b) y = Dropout <is_test = 1> (a)", 6),
               model_of(13, signature, {w, b}, "y = Gemm (x, w, b)"));
}

TEST(RaiseOpset6, KeepsWhatTrainsOrCannotBeRead) {
  Model training = model_of(6, "(float[2] x) => (float[2] y)", {}, "y = Dropout (x)", 6);
  EXPECT_NE(raise(training).find("kept opset 6 because of Dropout 'y' (it trains"),
            std::string::npos);
  EXPECT_EQ(training.opset(), 6);
  Model unknown = model_of(6, "(float x, float[3] b) => (float y)", {},
                           "y = Add <broadcast = 1, axis = 1> (x, b)", 6);
  unknown.graph.inputs[0].has_shape = false;
  unknown.graph.inputs[0].verbatim.clear();
  EXPECT_NE(raise(unknown).find("rank of an operand is unknown"), std::string::npos);
}

}  // namespace
}  // namespace ptq::testing
