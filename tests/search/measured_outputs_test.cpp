#include "search/measured_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/text_model.h"

namespace ptq {
namespace {

std::vector<std::string> outputs_of(const std::string& body) {
  const Model model = parse_text_model("<ir_version: 8, opset_import: [\"\" : 13]>\n" + body);
  const Model measured = with_measured_outputs(model);
  EXPECT_EQ(measured.graph.nodes.size(), model.graph.nodes.size());
  std::vector<std::string> names;
  for (const ValueInfo& output : measured.graph.outputs) {
    names.push_back(output.name);
  }
  return names;
}

using ::testing::ElementsAre;

TEST(MeasuredOutputs, AClosingSoftmaxIsMeasuredAtItsInput) {
  EXPECT_THAT(outputs_of("g (float[2,3] x) => (float[2,3] p) { l = Neg(x)\n p = Softmax(l) }"),
              ElementsAre("l"));
}

TEST(MeasuredOutputs, OtherOutputsStayAndNoneIsMeasuredTwice) {
  EXPECT_THAT(outputs_of("g (float[2,3] x) => (float[2,3] p, float[2,3] l, float[2,3] s)\n"
                         "{ l = Neg(x)\n p = Softmax(l)\n s = Sigmoid(l) }"),
              ElementsAre("l"));
  EXPECT_THAT(outputs_of("g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }"), ElementsAre("y"));
}

TEST(MeasuredOutputs, TheInputOfTheModelIsNoOutput) {
  EXPECT_THAT(outputs_of("g (float[2,3] x) => (float[2,3] p) { p = Softmax(x) }"),
              ElementsAre("p"));
}

}  // namespace
}  // namespace ptq
