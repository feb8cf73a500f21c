// Channels of activations that never move, on a network whose filters are set by hand.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/temporary_folder.h"
#include "onnx_io/write.h"
#include "pipeline/model_fixture.h"

namespace ptq::testing {
namespace {

using ::testing::ElementsAre;

// Filters of `a`: two that pass x, one that is zero with bias −1 (dead behind the Relu), one that
// is zero with bias 2 (always 2).
Model network() {
  return text_model(
      "(float[1,2,4,4] x) => (float[1,3] y) <" +
      std::string("float[4,2,1,1] w = {1,0, 0,0, 0,1, 0,0}, float[4] b = {0,-1,0,2}, ") +
      normal_text("v", {3, 4, 4, 4}, 1) + "," + normal_text("m", {3, 3}, 2) + R"(> {
      a = Conv (x, w, b)
      r = Relu (a)
      c = Conv (r, v)
      f = Flatten (c)
      y = MatMul (f, m)
    })");
}

ChannelActivity look(const Model& model, const std::vector<Feeds>& samples,
                     DataOptions options = {}) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "model.onnx";
  write_model(model, file);
  write_samples(folder.path() / "samples", samples);
  return find_still_channels(
      load_model(file),
      {.data = {(folder.path() / "samples").string()}, .options = options, .threads = 2});
}

TEST(StillChannels, DeadAndConstantOnesAreNamedApart) {
  const Model model = network();
  std::vector<Feeds> samples;
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    samples.push_back(normal_feeds(model, seed));
  }
  const ChannelActivity activity = look(model, samples);
  EXPECT_EQ(activity.samples, 6U);
  ASSERT_EQ(activity.values.size(), 1U);
  EXPECT_EQ(activity.values[0].value, "r");
  EXPECT_EQ(activity.values[0].channels, 4);
  EXPECT_THAT(activity.values[0].zero, ElementsAre(1));
  EXPECT_THAT(activity.values[0].constant, ElementsAre(3));
}

TEST(StillChannels, OneSampleThatMovesAChannelIsEnough) {
  const Model model = network();
  Feeds still = normal_feeds(model, 1);
  for (float& value : still.at("x").mutable_data<float>()) {
    value = 0.5F;
  }
  const ChannelActivity alone = look(model, {still, still});
  ASSERT_FALSE(alone.values.empty());
  EXPECT_EQ(alone.values.back().value, "x");  // the input is read by a product, too
  EXPECT_THAT(alone.values.back().constant, ElementsAre(0, 1));
  const ChannelActivity moved = look(model, {still, normal_feeds(model, 2)});
  ASSERT_EQ(moved.values.size(), 1U);
  EXPECT_EQ(moved.values[0].value, "r");
  EXPECT_EQ(look(model, {still, still, still}, {.max_samples = 2}).samples, 2U);
}

TEST(StillChannels, AreFindingsOfTheLayersThatReadThem) {
  ModelDiagnosis diagnosis;
  diagnosis.layers.resize(2);
  diagnosis.layers[0].tensor.emplace().name = "r";
  std::vector<int64_t> many;
  for (int64_t c = 0; c < 11; ++c) {
    many.push_back(2 * c);
  }
  add_still_channels({.samples = 64, .values = {{"r", 32, many, {}}, {"s", 8, {}, {7}}}},
                     diagnosis);
  EXPECT_THAT(diagnosis.layers[0].codes, ElementsAre("PTQ-D020"));
  EXPECT_TRUE(diagnosis.layers[1].codes.empty());
  ASSERT_EQ(diagnosis.findings.size(), 2U);
  EXPECT_EQ(diagnosis.findings[0].layer, "r");
  EXPECT_EQ(diagnosis.findings[0].message,
            "of 32 channels over 64 samples, 11 always zero (0, 2, 4, 6, 8, 10, 12, 14 and 3 "
            "more)");
  EXPECT_EQ(diagnosis.findings[1].message,
            "of 8 channels over 64 samples, 1 constant (7)");
}

}  // namespace
}  // namespace ptq::testing
