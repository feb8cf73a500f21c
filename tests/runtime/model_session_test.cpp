#include "runtime/model_session.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "onnx_io/text_model.h"
#include "onnx_io/write.h"
#include "runtime/runtime_models.h"

namespace ptq {
namespace {

size_t count_ops(const Model& model, std::string_view op_type) {
  return static_cast<size_t>(
      std::count_if(model.graph.nodes.begin(), model.graph.nodes.end(),
                    [&](const Node& node) { return node.op_type == op_type; }));
}

// As large models are opened.
TEST(Skeleton, TakesItsWeightsFromMemory) {
  const Model model = conv_clip_model(16, 16);
  const ModelSkeleton skeleton = serialize_skeleton(model, 256);
  ASSERT_EQ(skeleton.weights.size(), 2U) << "w1 and w3; the bias is too small";
  EXPECT_LT(skeleton.bytes.size() + 16 * 16 * 9 * sizeof(float), serialize_model(model).size());
  SessionOptions options;
  for (const Constant* weight : skeleton.weights) {
    options.weights.emplace(weight->name, weight->tensor);
  }
  const Session session = Session::from_bytes(skeleton.bytes, options);
  options.weights.clear();  // the session keeps what it needs
  const auto feeds = exact_feeds(model, 3);
  const std::vector<Tensor> expected = open_session(model, {}).run(feeds);
  EXPECT_TRUE(std::ranges::equal(session.run(feeds)[0].bytes(), expected[0].bytes()));
}

TEST(Skeleton, KeepsWhatTheRuntimeWouldNotFind) {
  Model model = conv_clip_model(16, 16);
  Constant unused;
  unused.name = "unused";
  unused.tensor = small_integers({200, 200}, 1);
  model.graph.initializers.push_back(unused);
  Constant replaceable = unused;
  replaceable.name = "y2";
  model.graph.initializers.push_back(replaceable);
  ValueInfo input;
  input.name = "y2";
  input.dtype = DType::kFloat;
  input.has_shape = true;
  input.shape = {200, 200};
  input.symbols.resize(2);
  model.graph.inputs.push_back(input);
  EXPECT_EQ(serialize_skeleton(model, 256).weights.size(), 2U);
  EXPECT_EQ(open_session(model, {}).run(exact_feeds(model, 3)).size(), 1U);
}

TEST(OptimizedModel, ShowsFusedOperators) {
  const Model model = conv_clip_model(16, 16);
  SessionOptions options;
  options.level = OptLevel::kExtended;
  const Model optimized = optimized_model(model, options);
  EXPECT_EQ(count_ops(optimized, "FusedConv"), 1U);
  EXPECT_EQ(count_ops(optimized, "Clip"), 0U);
  options.level = OptLevel::kNone;
  EXPECT_EQ(count_ops(optimized_model(model, options), "Clip"), 1U);
}

TEST(OptimizedModel, ShowsIntegerOperators) {
  const Model model = parse_text_model(R"(<ir_version: 10, opset_import: ["" : 13]>
    g (float[2, 4] x) => (float[2, 4] y)
    <float s = {0.1}, uint8 z = {0}, int8[4, 4] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16},
     int8 wz = {0}> {
      xq = QuantizeLinear (x, s, z)
      xd = DequantizeLinear (xq, s, z)
      wd = DequantizeLinear (w, s, wz)
      m = MatMul (xd, wd)
      q = QuantizeLinear (m, s, z)
      y = DequantizeLinear (q, s, z)
    })");
  const Model optimized = optimized_model(model, {});
  EXPECT_EQ(count_ops(optimized, "QLinearMatMul"), 1U);
  EXPECT_EQ(count_ops(optimized, "MatMul"), 0U);
}

TEST(OptimizedModel, LeavesTheGivenModelAlone) {
  const Model model = conv_clip_model(8, 8);
  const size_t nodes = model.graph.nodes.size();
  optimized_model(model, {});
  EXPECT_EQ(model.graph.nodes.size(), nodes);
  EXPECT_EQ(model.graph.nodes[0].op_type, "Conv");
}

TEST(NchwcBlockSize, IsWhatThisProcessorUses) {
  const int64_t size = nchwc_block_size();
  EXPECT_TRUE(size == 0 || size == 8 || size == 16) << size;
}

}  // namespace
}  // namespace ptq
