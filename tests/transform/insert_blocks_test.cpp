// Files with block-wise codes against a decoder that knows nothing of them, through the runtime:
// every type, block size, symmetry and layout, with shapes that nothing divides. Unit vectors as
// inputs give the weights that the runtime decodes, so nothing may differ.

#include "transform/insert_blocks.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/write.h"
#include "ptq/error.h"
#include "runtime/model_session.h"
#include "transform/model_check.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;

// The model with codes in the place of its weights, and what they decode to in the order of
// BlockPlan::weights.
struct Coded {
  Model model{};
  std::vector<std::vector<float>> decoded{};
  BlockPlan plan{};
};

Coded code_weights(const Model& model, const WeightOnlyRequest& request) {
  const ModelIndex index(model.graph);
  Coded out;
  out.plan = plan_blocks(index, request);
  InsertedBlocks inserted = insert_blocks(model, out.plan, request.format);
  for (size_t w = 0; w < out.plan.weights.size(); ++w) {
    const PlannedBlocks& planned = out.plan.weights[w];
    const Tensor& source = index[planned.graph].constant(planned.constant)->tensor;
    const BlockCodes blocks = quantize_blocks(source, planned.reduced, planned.scheme, 1);
    const BlockTensors tensors = block_tensors(blocks, planned, source.dtype(), request.format);
    for (Graph* graph : all_graphs(inserted.model.graph)) {
      for (Constant& constant : graph->initializers) {
        const BlockNames& names = inserted.names[w];
        const Tensor& tensor = constant.name == names.codes   ? tensors.codes
                               : constant.name == names.scale ? tensors.scale
                                                              : tensors.zero_point;
        if (constant.name == names.codes || constant.name == names.scale ||
            constant.name == names.zero_point) {
          EXPECT_TRUE(is_promised(constant.tensor));
          EXPECT_EQ(constant.tensor.shape(), tensor.shape());
          EXPECT_EQ(constant.tensor.dtype(), tensor.dtype());
          constant.tensor = tensor;
        }
      }
    }
    out.decoded.push_back(decode_blocks(blocks));
  }
  out.model = std::move(inserted.model);
  return out;
}

SessionOptions exact_options() {
  SessionOptions options;
  options.config["session.qdq_matmulnbits_accuracy_level"] = "0";
  return options;
}

Tensor unit_matrix(int64_t size) {
  Tensor out(DType::kFloat, {size, size});
  for (int64_t k = 0; k < size; ++k) {
    out.mutable_data<float>()[static_cast<size_t>(k * size + k)] = 1.0F;
  }
  return out;
}

enum class Layout { kMatMul, kTransposed, kGemm, kGemmTransB };

Model product_model(Layout layout, int64_t k, int64_t n, unsigned seed) {
  const bool turned = layout == Layout::kTransposed || layout == Layout::kGemmTransB;
  const std::vector<std::string> weight = {
      weight_text("w", turned ? Shape{n, k} : Shape{k, n}, seed)};
  const std::string signature =
      "(float[M," + std::to_string(k) + "] x) => (float[M," + std::to_string(n) + "] y)";
  const std::string node = layout == Layout::kMatMul       ? "y = MatMul (x, w)"
                           : layout == Layout::kTransposed ? "t = Transpose (w) y = MatMul (x, t)"
                           : layout == Layout::kGemm       ? "y = Gemm (x, w)"
                                                           : "y = Gemm <transB = 1> (x, w)";
  return model_of(21, signature, weight, node, 10);
}

size_t count_nodes(const Model& model, std::string_view op) {
  return static_cast<size_t>(std::ranges::count(model.graph.nodes, op, &Node::op_type));
}

struct Case {
  DType dtype;
  int64_t group;
  bool symmetric;
  WeightFormat format;
};

class EveryForm : public ::testing::TestWithParam<Case> {};

TEST_P(EveryForm, ProductsAreFusedAndDecodeToTheLastBit) {
  const Case form = GetParam();
  unsigned seed = 0;
  for (const auto& [k, n] : {std::pair<int64_t, int64_t>{64, 48}, {65, 47}, {20, 77}, {300, 7}}) {
    for (const Layout layout :
         {Layout::kMatMul, Layout::kTransposed, Layout::kGemm, Layout::kGemmTransB}) {
      const Model model = product_model(layout, k, n, ++seed);
      const Coded coded = code_weights(model, {.dtype = form.dtype,
                                               .group = form.group,
                                               .symmetric = form.symmetric,
                                               .format = form.format,
                                               .eight_bit_ends = false});
      ASSERT_EQ(coded.decoded.size(), 1U);
      const std::vector<Tensor> results =
          open_session(coded.model, exact_options()).run({{"x", unit_matrix(k)}});
      std::vector<float> expected = coded.decoded[0];
      if (coded.plan.weights[0].reduced == ReducedAxis::kSecond) {
        for (int64_t i = 0; i < k * n; ++i) {
          expected[static_cast<size_t>(i)] =
              coded.decoded[0][static_cast<size_t>(i % n * k + i / n)];
        }
      }
      EXPECT_TRUE(std::ranges::equal(results[0].data<float>(), expected))
          << dtype_name(form.dtype) << " group " << form.group << " [" << k << "," << n << "]";
      const Model optimized = optimized_model(coded.model, exact_options());
      EXPECT_EQ(count_nodes(optimized, "MatMulNBits"), 1U) << op_types(optimized.graph);
    }
  }
}

TEST_P(EveryForm, LookupsDecodeTheRowsThatAreRead) {
  const Case form = GetParam();
  for (const auto& [rows, width] : {std::pair<int64_t, int64_t>{40, 64}, {33, 50}}) {
    const Model model = model_of(21, "(int64[N] ids) => (float[N," + std::to_string(width) + "] y)",
                                 {weight_text("w", {rows, width}, 9)}, "y = Gather (w, ids)", 10);
    const Coded coded = code_weights(model, {.dtype = form.dtype,
                                             .group = form.group,
                                             .symmetric = form.symmetric,
                                             .format = form.format,
                                             .eight_bit_ends = false});
    const std::vector<int64_t> ids = {3, 0, rows - 1, 3, -2};
    const std::vector<Tensor> results =
        open_session(coded.model, exact_options()).run({{"ids", Tensor::from<int64_t>({5}, ids)}});
    ASSERT_EQ(results[0].shape(), (Shape{5, width}));
    for (size_t i = 0; i < ids.size(); ++i) {
      const int64_t row = ids[i] < 0 ? ids[i] + rows : ids[i];
      for (int64_t d = 0; d < width; ++d) {
        ASSERT_EQ(results[0].data<float>()[i * static_cast<size_t>(width) + static_cast<size_t>(d)],
                  coded.decoded[0][static_cast<size_t>(row * width + d)]);
      }
    }
    const Model optimized = optimized_model(coded.model, exact_options());
    EXPECT_EQ(count_nodes(optimized, "Cast"), 0U);  // done once, at load
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> out;
  for (const DType dtype : {DType::kInt4, DType::kUint4, DType::kInt8, DType::kUint8}) {
    for (const int64_t group : {16, 32, 64, 128, 256, 0}) {
      for (const bool symmetric : {false, true}) {
        for (const WeightFormat format : {WeightFormat::kQdq, WeightFormat::kMatMulNBits}) {
          out.push_back({dtype, group, symmetric, format});
        }
      }
    }
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(InsertBlocks, EveryForm, ::testing::ValuesIn(all_cases()),
                         [](const auto& entry) {
                           const Case& form = entry.param;
                           return std::string(dtype_name(form.dtype)) + "_" +
                                  std::to_string(form.group) +
                                  (form.symmetric ? "_symmetric" : "_asymmetric") +
                                  (form.format == WeightFormat::kQdq ? "_qdq" : "_fused");
                         });

TEST(InsertBlocks, SummandsOfAGemmStay) {
  for (const char* shape : {"float[40]", "float[1,40]", "float[1]", "float", "float[3,40]"}) {
    for (const WeightFormat format : {WeightFormat::kQdq, WeightFormat::kMatMulNBits}) {
      std::string values;
      const int count = std::string(shape) == "float[3,40]"                  ? 120
                        : std::string(shape).find("40") != std::string::npos ? 40
                                                                             : 1;
      for (int i = 0; i < count; ++i) {
        values += (i > 0 ? "," : "") + std::to_string(0.5 + i % 7);
      }
      const std::string bias = std::string(shape) + " b = {" + values + "}";
      const Model model =
          model_of(21, "(float[3,64] x) => (float[3,40] y)", {weight_text("w", {40, 64}, 3), bias},
                   "y = Gemm <transB = 1> (x, w, b)", 10);
      const Coded coded =
          code_weights(model, {.dtype = DType::kInt8, .format = format, .eight_bit_ends = false});
      const auto feeds = random_feeds(model, 1);
      const std::vector<Tensor> before = run_plain(model, feeds);
      const std::vector<Tensor> after = open_session(coded.model, exact_options()).run(feeds);
      EXPECT_LT(max_relative_difference(before, after), 0.01) << shape;  // INT8 weights
      // The runtime makes a Gemm of a MatMul and a summand of several rows, which it does not fuse.
      const bool is_fused = format == WeightFormat::kMatMulNBits || count < 120;
      EXPECT_EQ(count_nodes(optimized_model(coded.model, exact_options()), "MatMulNBits"),
                is_fused ? 1U : 0U)
          << shape;
    }
  }
}

TEST(InsertBlocks, AFloatReaderKeepsTheFloatWeight) {
  const Model model =
      model_of(21, "(float[3,64] x) => (float[3,40] y, float[64,40] z)",
               {weight_text("w", {64, 40}, 3)}, "y = MatMul (x, w) z = Neg (w)", 10);
  const Coded coded = code_weights(model, {.eight_bit_ends = false});
  const auto feeds = random_feeds(model, 1);
  const std::vector<Tensor> before = run_plain(model, feeds);
  const std::vector<Tensor> after = open_session(coded.model, exact_options()).run(feeds);
  EXPECT_TRUE(std::ranges::equal(before[1].data<float>(), after[1].data<float>()));
  EXPECT_EQ(count_nodes(optimized_model(coded.model, exact_options()), "MatMulNBits"), 1U);
}

TEST(InsertBlocks, TwoReadersOfOneWeightAreBothFused) {
  const Model model = model_of(21, "(float[3,64] x, float[3,64] u) => (float[3,40] y)",
                               {weight_text("w", {64, 40}, 3)},
                               "a = MatMul (x, w) b = MatMul (u, w) y = Sub (a, b)", 10);
  const Coded coded = code_weights(model, {.eight_bit_ends = false});
  EXPECT_EQ(count_nodes(optimized_model(coded.model, exact_options()), "MatMulNBits"), 2U);
}

TEST(InsertBlocks, WeightsInsideIfAreCodedThere) {
  const Model model = model_of(21, "(float[3,64] x, bool c) => (float[3,40] y)",
                               {weight_text("w", {64, 40}, 3), weight_text("v", {64, 40}, 4)}, R"(
      y = If (c) <
        then_branch = t () => (float[3,40] p) { p = MatMul (x, w) },
        else_branch = e () => (float[3,40] q) { q = MatMul (x, v) }>)",
                               10);
  const Coded coded = code_weights(model, {.dtype = DType::kInt8, .eight_bit_ends = false});
  EXPECT_EQ(coded.decoded.size(), 2U);
  EXPECT_TRUE(coded.model.graph.initializers.empty());
  for (const bool branch : {false, true}) {
    auto feeds = random_feeds(model, 1);
    feeds["c"] = Tensor::scalar(branch);
    EXPECT_LT(max_relative_difference(run_plain(model, feeds),
                                      open_session(coded.model, exact_options()).run(feeds)),
              0.01);  // INT8 weights
  }
}

TEST(InsertBlocks, ScalesMayBeStoredShort) {
  for (const WeightFormat format : {WeightFormat::kQdq, WeightFormat::kMatMulNBits}) {
    const Model model = product_model(Layout::kMatMul, 65, 47, 3);
    const Coded coded =
        code_weights(model, {.half_scale = true, .format = format, .eight_bit_ends = false});
    const std::vector<Tensor> results =
        open_session(coded.model, exact_options()).run({{"x", unit_matrix(65)}});
    EXPECT_TRUE(std::ranges::equal(results[0].data<float>(), coded.decoded[0]));
    EXPECT_EQ(op_types(optimized_model(coded.model, exact_options()).graph), "MatMulNBits");
  }
}

}  // namespace
}  // namespace ptq::testing
