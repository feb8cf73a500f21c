// What each target asks of a file, read off the file; and that ONNX Runtime, which only judges what
// the file means, gives the same answers with and without its optimizations.

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/index.h"
#include "plan/make_plan.h"
#include "runtime/model_session.h"
#include "transform/insert_qdq.h"
#include "transform/measured_plan.h"

namespace ptq {
namespace {

using testing::measured_ranges;
using testing::parse_prepared;
using testing::random_weight;
using testing::sqnr_db;
using testing::unit_feeds;

struct Network {
  std::string name;
  std::string body;
};

// Conv, Relu, Clip with bounds of both signs, residual sums, pools, Concat, a gate, Gemm, MatMul of
// two activations, Softmax.
std::vector<Network> networks() {
  const std::string input = "g (float[1,4,8,8] x) => (float[1,4,8,8] y)\n<";
  const std::string w = random_weight("4,4,1,1", 16, "w");
  const std::string k = random_weight("4,4,3,3", 144, "k", 2);
  const std::string b = random_weight("4", 4, "b", 3);
  return {
      {"ResidualRelu", input + w + "," + k + "," + b +
                           "> { a = Conv<pads=[1,1,1,1]>(x, k, b)\n r = Relu(a)\n c = Conv(r, w)\n "
                           "s = Add(c, r)\n t = Relu(s)\n y = Conv(t, w, b) }"},
      {"TwoSidedClip", input + w +
                           ", float lo = {-0.7}, float hi = {2.9}> { a = Conv(x, w)\n c = "
                           "Clip(a, lo, hi)\n y = Conv(c, w) }"},
      {"PoolConcatGate",
       "g (float[1,4,8,8] x) => (float[1,8,4,4] y)\n<" + w +
           "> { a = Conv(x, w)\n r = Relu(a)\n m = MaxPool<kernel_shape=[2,2], strides=[2,2]>(r)\n"
           " p = AveragePool<kernel_shape=[2,2], strides=[2,2]>(a)\n d = Conv(p, w)\n g = "
           "GlobalAveragePool(d)\n h = Conv(g, w)\n s = Sigmoid(h)\n e = Mul(d, s)\n y = "
           "Concat<axis=1>(m, e) }"},
      {"Attention",
       "g (float[4,8] x) => (float[4,8] y)\n<" + random_weight("8,8", 64, "q") + "," +
           random_weight("8,8", 64, "v", 5) + "," + random_weight("8", 8, "c", 6) +
           "> { a = MatMul(x, q)\n t = Transpose(a)\n l = MatMul(a, t)\n p = Softmax(l)\n z = "
           "Gemm(x, v, c)\n y = MatMul(p, z) }"},
  };
}

struct Built {
  Model model;  // prepared
  QuantPlan plan;
  Model quantized;
  std::map<std::string, Tensor> feeds;
  Tensor expected;
};

Built build(const std::string& body, const Target& target) {
  Built built;
  built.model = parse_prepared(body);
  const Structure structure = analyze_structure(built.model.graph, {}, target);
  const Session fp32 = open_session(built.model, {});
  built.feeds = unit_feeds(fp32, 3);
  built.expected = fp32.run(built.feeds)[0];
  built.plan =
      make_plan(built.model.graph, structure, measured_ranges(built.model, structure, built.feeds),
                target, target.weight_form);
  built.quantized = insert_qdq(built.model, built.plan).model;
  return built;
}

class TargetFile : public ::testing::TestWithParam<std::string> {
 protected:
  const Target& target() const { return find_target(GetParam()); }
};

TEST_P(TargetFile, MeansTheSameAtEveryOptimizationLevel) {
  for (const Network& network : networks()) {
    SCOPED_TRACE(network.name);
    const Built built = build(network.body, target());
    SessionOptions plain;
    plain.level = OptLevel::kNone;
    const Tensor unfused = open_session(built.quantized, plain).run(built.feeds)[0];
    const Tensor fused = open_session(built.quantized, {}).run(built.feeds)[0];
    EXPECT_GE(sqnr_db(built.expected, unfused), 25.0);
    // Fused kernels differ by single codes, which are 1/256 of a range.
    EXPECT_GE(sqnr_db(unfused, fused), 32.0);
  }
}

TEST_P(TargetFile, CodesAreOfTheTypesThatTheTargetTakes) {
  for (const Network& network : networks()) {
    SCOPED_TRACE(network.name);
    const Built built = build(network.body, target());
    const GraphIndex index(built.quantized.graph);
    for (const Node& node : built.quantized.graph.nodes) {
      if (node.op_type == "QuantizeLinear") {
        const Tensor& zero_point = index.constant(node.input(2))->tensor;
        EXPECT_EQ(zero_point.dtype(), target().activation.dtype);
        EXPECT_EQ(node.domain, target().activation.dtype == DType::kUint16 ? "com.microsoft" : "");
        if (target().activation.symmetric) {
          EXPECT_EQ(zero_point.data<int8_t>()[0], 0);
        }
      }
    }
    for (const PlannedConstant& constant : built.plan.constants) {
      EXPECT_EQ(constant.bias.empty() || target().integer_bias, true);
      if (constant.is_weight && target().weight_form == WeightForm::kInt8) {
        EXPECT_EQ(constant.scheme.dtype, DType::kInt8);
        EXPECT_TRUE(constant.scheme.symmetric && constant.scheme.narrow_range);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TargetFile,
                         ::testing::Values("ort-x86", "ort-arm", "openvino", "tensorrt", "qnn",
                                           "qnn-a16"),
                         [](const auto& entry) {
                           std::string name = entry.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

std::multiset<std::string> operators(const Graph& graph) {
  std::multiset<std::string> out;
  for (const Node& node : graph.nodes) {
    out.insert(node.op_type);
  }
  return out;
}

TEST(Target, EveryTargetIsTested) {
  EXPECT_EQ(targets().size(), 6U);  // the list above
}

TEST(Target, ArmAbsorbsReluWithTheLowestCode) {
  const Built built = build(networks()[0].body, find_target("ort-arm"));
  const auto relu = std::ranges::find(built.plan.activations, "r", &PlannedActivation::value);
  ASSERT_NE(relu, built.plan.activations.end());
  EXPECT_EQ(relu->params.zero_point[0], -128);
  EXPECT_EQ(built.plan.decisions[1].reason, "absorbed by the saturation of the codes before it");
}

TEST(Target, SymmetricCodesKeepReluAndBothBoundsOfClip) {
  const Built residual = build(networks()[0].body, find_target("tensorrt"));
  EXPECT_FALSE(residual.plan.decisions[1].integer);
  // A scale that fitted −0.7 to code −128 would cut 2.9 down to 0.69.
  const Built clip = build(networks()[1].body, find_target("tensorrt"));
  const auto value = std::ranges::find(clip.plan.activations, "c", &PlannedActivation::value);
  ASSERT_NE(value, clip.plan.activations.end());
  EXPECT_GT(127.0F * value->params.scale[0], 2.0F);
}

TEST(Target, TensorRtHasPairsOnTheSkipOperandOfASumOnly) {
  const Built built = build(networks()[0].body, find_target("tensorrt"));
  const GraphIndex index(built.quantized.graph);
  const auto add = std::ranges::find(built.quantized.graph.nodes, "Add", &Node::op_type);
  ASSERT_NE(add, built.quantized.graph.nodes.end());
  EXPECT_EQ(index.producer(add->inputs[0])->op_type, "Conv");
  EXPECT_EQ(index.producer(add->inputs[1])->op_type, "DequantizeLinear");
  // One pair serves the skip operand and the Conv that reads the same value.
  const auto pairs = operators(built.quantized.graph);
  EXPECT_EQ(pairs.count("QuantizeLinear"), 3U);
}

TEST(Target, QnnHasCodesAroundEveryNode) {
  const Built built = build(networks()[2].body, find_target("qnn"));
  const GraphIndex index(built.quantized.graph);
  for (const Node& node : built.quantized.graph.nodes) {
    if (node.op_type == "QuantizeLinear" || node.op_type == "DequantizeLinear") {
      continue;
    }
    const bool absorbed = node.is("Relu");
    for (const std::string& input : node.inputs) {
      EXPECT_TRUE(absorbed || index.producer(input)->op_type == "DequantizeLinear") << input;
    }
    const Node* next = index.only_consumer(node.outputs[0]);
    ASSERT_NE(next, nullptr) << node.outputs[0];
    EXPECT_TRUE(next->op_type == "QuantizeLinear" || next->is("Relu")) << next->op_type;
  }
}

TEST(Target, QnnTakesOneScaleAMatrixAndOneAChannelOfConvolutions) {
  const Built built = build(networks()[3].body, find_target("qnn"));
  for (const PlannedConstant& constant : built.plan.constants) {
    EXPECT_EQ(constant.axis, -1) << constant.constant;
    EXPECT_EQ(constant.bias.empty(), constant.constant != "v");
  }
  const Built conv = build(networks()[0].body, find_target("qnn"));
  for (const PlannedConstant& constant : conv.plan.constants) {
    EXPECT_EQ(constant.axis, 0) << constant.constant;
  }
}

TEST(Target, UnknownOperatorsStayInFloatWithTheReason) {
  for (const Target& target : targets()) {
    const Built built =
        build("g (float[4,8] x) => (float[4,8] y)\n<" + random_weight("8,8", 64, "w") +
                  "> { a = MatMul(x, w)\n e = Erf(a)\n y = MatMul(e, w) }",
              target);
    EXPECT_FALSE(built.plan.decisions[1].integer);
    EXPECT_THAT(
        built.plan.decisions[1].reason,
        ::testing::HasSubstr(std::string(engine_name(target.engine)) + " has no integer kernel"));
  }
}

TEST(Target, MaskConstantsStayInFloat) {
  const Built built = build(
      "g (float[4,8] x) => (float[4,4] y)\n<float[1,4] m = {0, 0, 0, -1e9}> { t = Transpose(x)\n"
      " a = MatMul(x, t)\n s = Add(a, m)\n y = Softmax(s) }",
      find_target("qnn"));
  EXPECT_FALSE(built.plan.decisions[2].integer);
  EXPECT_THAT(built.plan.decisions[2].reason, ::testing::HasSubstr("mask"));
}

}  // namespace
}  // namespace ptq
