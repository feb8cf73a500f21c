// The runtime is the judge: each operator rule is written into a model, loaded with all
// optimizations, and the kernel that it became is looked for; the outputs must stay close to FP32.

#include <map>
#include <set>

#include <gtest/gtest.h>

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

struct Case {
  std::string name;
  std::string body;
  std::map<std::string, int> kernels;  // op type in the optimized graph → how often
  std::set<std::string> absent;        // op types that must not be left
  double min_sqnr_db = 25.0;
  int opset = 13;
};

std::ostream& operator<<(std::ostream& out, const Case& test) {
  return out << test.name;
}

class RuntimeRule : public ::testing::TestWithParam<Case> {};

TEST_P(RuntimeRule, RunsInIntegers) {
  const Case& test = GetParam();
  const Model model = parse_prepared(test.body, test.opset);
  const Structure structure = analyze_structure(model.graph, {}, targets().front());
  const Session fp32 = open_session(model, {});
  const std::map<std::string, Tensor> feeds = unit_feeds(fp32, 3);
  for (const WeightForm form :
       {WeightForm::kInt8Safe, WeightForm::kUint8, WeightForm::kInt8Reduced}) {
    const QuantPlan plan = make_plan(
        model.graph, structure, measured_ranges(model, structure, feeds), targets().front(), form);
    const InsertResult inserted = insert_qdq(model, plan);
    std::map<std::string, int> found;
    for (const Node& node : optimized_model(inserted.model, {}).graph.nodes) {
      ++found[node.op_type];
    }
    std::string listing;
    for (const auto& [op, count] : found) {
      listing += op + " " + std::to_string(count) + "; ";
    }
    for (const auto& [op, count] : test.kernels) {
      EXPECT_EQ(found[op], count) << weight_form_name(form) << ": " << op << " in " << listing;
    }
    for (const std::string& op : test.absent) {
      EXPECT_FALSE(found.contains(op) && found[op] > 0) << op << " in " << listing;
    }
    const std::vector<Tensor> expected = fp32.run(feeds);
    const std::vector<Tensor> got = open_session(inserted.model, {}).run(feeds);
    for (size_t k = 0; k < expected.size(); ++k) {
      EXPECT_GE(sqnr_db(expected[k], got[k]), test.min_sqnr_db) << listing;
    }
  }
}

std::vector<Case> cases() {
  const std::string input = "g (float[1,4,8,8] x) => (float[1,4,8,8] y)\n";
  const std::string w44 = random_weight("4,4,1,1", 16, "w");
  const std::string w33 = random_weight("4,4,3,3", 144, "k", 2);
  return {
      {"Conv",
       input + "<" + w33 + "> { y = Conv<pads=[1,1,1,1]>(x, k) }",
       {{"QLinearConv", 1}},
       {"Conv", "FusedConv"}},
      {"ConvBias",
       input + "<" + w33 + "," + random_weight("4", 4, "b") +
           "> { y = Conv<pads=[1,1,1,1]>(x, k, b) }",
       {{"QLinearConv", 1}},
       {"Conv"}},
      {"Conv1d",
       "g (float[1,4,16] x) => (float[1,4,16] y)\n<" + random_weight("4,4,3", 48, "k") +
           "> { y = Conv<pads=[1,1]>(x, k) }",
       {{"QLinearConv", 1}},
       {"Conv"}},
      {"Depthwise",
       input + "<" + random_weight("4,1,3,3", 36, "k") +
           "> { y = Conv<group=4, pads=[1,1,1,1]>(x, k) }",
       {{"QLinearConv", 1}},
       {"Conv"}},
      {"Grouped",
       input + "<" + random_weight("4,2,3,3", 72, "k") +
           "> { y = Conv<group=2, pads=[1,1,1,1]>(x, k) }",
       {{"QLinearConv", 1}},
       {"Conv"}},
      {"ConvRelu",
       input + "<" + w33 + "> { a = Conv<pads=[1,1,1,1]>(x, k)\n y = Relu(a) }",
       {{"QLinearConv", 1}},
       {"Conv", "FusedConv", "Relu"}},
      {"ConvClip6",
       input + "<" + w33 +
           ", float lo = {0}, float hi = {6}> { a = Conv<pads=[1,1,1,1]>(x, k)\n y = Clip(a, lo, "
           "hi) }",
       {{"QLinearConv", 1}},
       {"Conv", "FusedConv", "Clip"}},
      {"ConvClipTwoSided",
       input + "<" + w33 +
           ", float lo = {-1.7}, float hi = {2.9}> { a = Conv<pads=[1,1,1,1]>(x, k)\n y = Clip(a, "
           "lo, hi) }",
       {{"QLinearConv", 1}},
       {"Conv", "FusedConv", "Clip"}},
      {"ResidualAdd",
       input + "<" + w44 + "," + w33 +
           "> { a = Conv(x, w)\n b = Conv<pads=[1,1,1,1]>(a, k)\n c = Add(a, b)\n d = Relu(c)\n y "
           "= Conv(d, w) }",
       {{"QLinearConv", 3}, {"QLinearAdd", 1}},
       {"Conv", "Add", "Relu"}},
      {"AddConstant",
       input + "<" + w44 + "," + random_weight("1,4,1,1", 4, "c") +
           "> { a = Conv(x, w)\n s = Sigmoid(a)\n t = Add(s, c)\n y = Conv(t, w) }",
       {{"QLinearConv", 2}, {"QLinearAdd", 1}, {"QLinearSigmoid", 1}},
       {"Conv", "Add"}},
      {"MulGate",
       input + "<" + w44 +
           "> { a = Conv(x, w)\n p = GlobalAveragePool(a)\n q = Conv(p, w)\n s = Sigmoid(q)\n m = "
           "Mul(a, s)\n y = Conv(m, w) }",
       {{"QLinearConv", 3},
        {"QLinearMul", 1},
        {"QLinearGlobalAveragePool", 1},
        {"QLinearSigmoid", 1}},
       {"Conv", "Mul"}},
      {"Concat",
       "g (float[1,4,8,8] x) => (float[1,4,8,8] y)\n<" + w44 + "," + w33 + "," +
           random_weight("4,8,1,1", 32, "v", 5) +
           "> { a = Conv(x, w)\n b = Conv<pads=[1,1,1,1]>(x, k)\n c = Concat<axis=1>(a, b)\n y = "
           "Conv(c, v) }",
       {{"QLinearConv", 3}},
       {"Conv"}},
      {"MaxPool",
       "g (float[1,4,8,8] x) => (float[1,4,4,4] y)\n<" + w44 +
           "> { a = Conv(x, w)\n b = MaxPool<kernel_shape=[2,2], strides=[2,2]>(a)\n y = Conv(b, "
           "w) }",
       {{"QLinearConv", 2}, {"NhwcMaxPool", 1}},
       {"Conv", "MaxPool"}},
      {"MaxPoolBehindAGateInFrontOfConv",
       "g (float[1,4,8,8] x) => (float[1,4,4,4] y)\n<" + w44 +
           "> { a = Conv(x, w)\n h = HardSwish(a)\n b = MaxPool<kernel_shape=[2,2], "
           "strides=[2,2]>(h)\n y = Conv(b, w) }",
       {{"QLinearConv", 2}, {"QLinearMul", 1}, {"NhwcMaxPool", 1}},
       {"Conv", "MaxPool"},
       25.0,
       14},
      {"MaxPoolBehindAGateAtTheEnd",
       "g (float[1,4,8,8] x) => (float[1,3] y)\n<" + w44 + "," + random_weight("4,3", 12, "v") +
           "> { a = Conv(x, w)\n h = HardSwish(a)\n b = MaxPool<kernel_shape=[2,2], "
           "strides=[2,2]>(h)\n p = GlobalAveragePool(b)\n f = Flatten(p)\n y = Gemm(f, v) }",
       {{"QLinearConv", 1}, {"QGemm", 1}, {"MaxPool", 1}, {"DequantizeLinear", 1}},
       {"QLinearMul"},
       25.0,
       14},
      {"MaxPoolBehindASumAtTheEnd",
       "g (float[1,4,8,8] x) => (float[1,3] y)\n<" + w44 + "," + random_weight("4,3", 12, "v") +
           "> { a = Conv(x, w)\n c = Conv(a, w)\n s = Add(a, c)\n b = MaxPool<kernel_shape=[2,2], "
           "strides=[2,2]>(s)\n p = GlobalAveragePool(b)\n f = Flatten(p)\n y = Gemm(f, v) }",
       {{"QLinearConv", 2}, {"QLinearAdd", 1}, {"NhwcMaxPool", 1}, {"QGemm", 1}},
       {"MaxPool"},
       25.0,
       14},
      {"AveragePool",
       "g (float[1,4,8,8] x) => (float[1,4,4,4] y)\n<" + w44 +
           "> { a = Conv(x, w)\n b = AveragePool<kernel_shape=[2,2], strides=[2,2]>(a)\n y = "
           "Conv(b, w) }",
       {{"QLinearConv", 2}, {"QLinearAveragePool", 1}},
       {"Conv", "AveragePool"}},
      {"ResizeNearest",
       "g (float[1,4,8,8] x) => (float[1,4,16,16] y)\n<" + w44 +
           ", float[4] s = {1,1,2,2}> { a = Conv(x, w)\n b = Resize<mode=\"nearest\", "
           "coordinate_transformation_mode=\"asymmetric\", nearest_mode=\"floor\">(a, , s)\n y = "
           "Conv(b, w) }",
       {{"QLinearConv", 2}},
       {"Conv"}},
      {"LeakyRelu",
       input + "<" + w44 + "> { a = Conv(x, w)\n b = LeakyRelu<alpha=0.1>(a)\n y = Conv(b, w) }",
       {{"QLinearConv", 2}, {"QLinearLeakyRelu", 1}},
       {"Conv", "LeakyRelu"}},
      {"Gemm",
       "g (float[4,8] x) => (float[4,6] y)\n<" + random_weight("8,6", 48, "w") + "," +
           random_weight("6", 6, "b") + "> { y = Gemm(x, w, b) }",
       {{"QGemm", 1}},
       {"Gemm"}},
      {"GemmTransB",
       "g (float[4,8] x) => (float[4,6] y)\n<" + random_weight("6,8", 48, "w") + "," +
           random_weight("6", 6, "b") + "> { y = Gemm<transB=1>(x, w, b) }",
       {{"QGemm", 1}},
       {"Gemm"}},
      {"GemmAlphaBeta",
       "g (float[4,8] x) => (float[4,6] y)\n<" + random_weight("8,6", 48, "w") + "," +
           random_weight("6", 6, "b") + "> { y = Gemm<alpha=0.5, beta=2.0>(x, w, b) }",
       {{"QGemm", 1}},
       {"Gemm"}},
      {"GemmReluGemm",
       "g (float[4,8] x) => (float[4,8] y)\n<" + random_weight("8,8", 64, "w") +
           "> { a = Gemm(x, w)\n b = Relu(a)\n y = Gemm(b, w) }",
       {{"QGemm", 2}},
       {"Gemm", "Relu"}},
      {"MatMulWeight",
       "g (float[4,8] x) => (float[4,6] y)\n<" + random_weight("8,6", 48, "w") +
           "> { y = MatMul(x, w) }",
       {{"MatMulIntegerToFloat", 1}},
       {"MatMul"}},
      {"MatMulActivations",
       "g (float[4,8] x, float[8,4] z) => (float[4,4] y)\n{ y = MatMul(x, z) }",
       {{"MatMul", 1}},
       {"QuantizeLinear", "DequantizeLinear"}},
      {"MatMulTwice",
       "g (float[4,8] x) => (float[4,8] y)\n<" + random_weight("8,8", 64, "w") +
           "> { a = MatMul(x, w)\n y = MatMul(a, w) }",
       {{"QLinearMatMul", 1}, {"MatMulIntegerToFloat", 1}},
       {"MatMul"}},
      {"FlattenGemm",
       "g (float[1,4,8,8] x) => (float[1,4] y)\n<" + w44 + "," + random_weight("256,4", 1024, "v") +
           "> { a = Conv(x, w)\n b = Flatten(a)\n y = Gemm(b, v) }",
       {{"QLinearConv", 1}, {"QGemm", 1}},
       {"Conv", "Gemm"}},
      {"TransposeConv",
       "g (float[1,8,8,4] x) => (float[1,4,8,8] y)\n<" + w44 +
           "> { t = Transpose<perm=[0,3,1,2]>(x)\n y = Conv(t, w) }",
       {{"QLinearConv", 1}},
       {"Conv"}},
      {"SharedWeight",
       input + "<" + w44 + "> { a = Conv(x, w)\n b = Relu(a)\n y = Conv(b, w) }",
       {{"QLinearConv", 2}},
       {"Conv"}},
      {"BatchNorm",
       input + "<" + w33 +
           ", float[4] s = {1,2,0.5,1}, float[4] b = {0,1,-1,0.5}, float[4] m = {0.1,0.2,0,-1}, "
           "float[4] v = {1,2,0.5,4}> { a = Conv<pads=[1,1,1,1]>(x, k)\n c = BatchNormalization(a, "
           "s, b, m, v)\n y = Relu(c) }",
       {{"QLinearConv", 1}},
       {"Conv", "BatchNormalization", "Relu"}},
      {"PadConv",
       "g (float[1,4,7,7] x) => (float[1,4,4,4] y)\n<" + w33 +
           ", int64[8] p = {0,0,0,0,0,0,2,2}> { t = Pad(x, p)\n y = Conv<strides=[2,2]>(t, k) }",
       {{"QLinearConv", 1}},
       {"Conv", "Pad"}},
      {"HardSwish",
       input + "<" + w44 + "> { a = Conv(x, w)\n b = HardSwish(a)\n y = Conv(b, w) }",
       {{"QLinearConv", 2},
        {"Clip", 1},
        {"QLinearMul", 1},
        {"QuantizeLinear", 1},
        {"DequantizeLinear", 1}},
       {"Conv", "HardSwish", "HardSigmoid", "Mul"},
       25.0,
       14},
      {"DecomposedHardSwish",
       input + "<" + w44 +
           ", float t = {3}, float z = {0}, float h = {6}> { a = Conv(x, w)\n s = Add(a, t)\n c = "
           "Clip(s, z, h)\n m = Mul(a, c)\n b = Div(m, h)\n y = Conv(b, w) }",
       {{"QLinearConv", 2}, {"Clip", 1}, {"QLinearMul", 1}},
       {"Conv", "Add", "Div", "HardSigmoid", "Mul"}},
      {"HardSigmoidGate",
       input + "<" + w44 +
           "> { a = Conv(x, w)\n p = GlobalAveragePool(a)\n q = Conv(p, w)\n s = HardSigmoid(q)\n "
           "m = Mul(a, s)\n y = Conv(m, w) }",
       {{"QLinearConv", 3},
        {"QLinearMul", 1},
        {"QLinearGlobalAveragePool", 1},
        {"QLinearLeakyRelu", 1},
        {"QuantizeLinear", 1},
        {"DequantizeLinear", 1}},
       {"Conv", "Mul", "HardSigmoid"}},
      {"ClippedGateOfOtherBounds",
       input + "<" + w44 + "," + w33 +
           ", float t = {1}, float z = {0}, float h = {4}, float k4 = {0.25}> { a = Conv(x, w)\n b "
           "= Conv<pads=[1,1,1,1]>(x, k)\n s = Add(t, b)\n c = Clip(s, z, h)\n g = Mul(k4, c)\n m "
           "= Mul(a, g)\n y = Conv(m, w) }",
       {{"QLinearConv", 3}, {"QLinearMul", 1}, {"QLinearLeakyRelu", 1}},
       {"Conv", "Mul", "HardSigmoid", "Add", "Clip"}},
      {"Where",
       input + "<" + w44 + "," + w33 +
           ", float z = {0}> { a = Conv(x, w)\n b = Conv<pads=[1,1,1,1]>(x, k)\n c = Greater(x, "
           "z)\n d = Where(c, a, b)\n y = Conv(d, w) }",
       {{"QLinearConv", 3}, {"QLinearWhere", 1}},
       {"Conv", "Where"}},
      {"ReduceMaxExpand",
       input + "<" + w44 +
           ", int64[4] s = {1,4,8,8}> { a = Conv(x, w)\n b = ReduceMax<axes=[2,3]>(a)\n c = "
           "Expand(b, s)\n y = Conv(c, w) }",
       {{"QLinearConv", 2}, {"QuantizeLinear", 1}, {"DequantizeLinear", 1}},
       {"Conv"}},
      {"ReduceMinTile",
       input + "<" + w44 +
           ", int64[4] s = {1,1,8,8}> { a = Conv(x, w)\n b = ReduceMin<axes=[2,3]>(a)\n c = "
           "Tile(b, s)\n y = Conv(c, w) }",
       {{"QLinearConv", 2}, {"QuantizeLinear", 1}, {"DequantizeLinear", 1}},
       {"Conv"}},
      {"GatherElements",
       "g (float[1,2,4] x) => (float[1,2,2] y)\n<" + random_weight("2,2,1", 4, "w") +
           ", int64[1,2,2] i = {0,3,2,1}> { a = Conv(x, w)\n b = GatherElements<axis=2>(a, i)\n y "
           "= Conv(b, w) }",
       {{"QLinearConv", 2}, {"QuantizeLinear", 1}, {"DequantizeLinear", 1}},
       {"Conv"}},
      // No integer kernel exists: the weight alone becomes codes, the product stays in float.
      {"ConvTranspose",
       "g (float[1,4,8,8] x) => (float[1,4,16,16] y)\n<" + random_weight("4,4,2,2", 64, "k") +
           "> { a = Conv(x, w)\n y = ConvTranspose<strides=[2,2]>(a, k) }",
       {{"ConvTranspose", 1}, {"QLinearConv", 1}},
       {}},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all = cases();
  for (Case& test : all) {
    if (test.name == "ConvTranspose") {
      test.body.insert(test.body.find('<') + 1, random_weight("4,4,1,1", 16, "w") + ",");
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(OrtX86, RuntimeRule, ::testing::ValuesIn(all_cases()),
                         [](const auto& entry) { return entry.param.name; });

}  // namespace
}  // namespace ptq
