#include "transform/prepare.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>
#include <set>

#include <gtest/gtest.h>

#include "onnx_io/read.h"
#include "onnx_io/write.h"
#include "transform/model_check.h"

namespace ptq::testing {
namespace {

const auto kPrepare = [](Model& model) { prepare(model); };

TEST(Prepare, WholeChain) {
  const Model model = model_of(
      9, "(float[N,2,4,4] x) => (float[N,3] y)",
      {weight_text("w", {3, 2, 1, 1}, 1), weight_text("b", {3}, 2), weight_text("m", {3}, 3),
       weight_text("v", {3}, 4, 0.1F, 2.0F), weight_text("g", {3}, 5), weight_text("f", {3, 3}, 6),
       weight_text("unused", {5}, 7)},
      R"(
      s = Constant <value = float[1,3,1,1] {1, 2, 3}> ()
      a = Conv (x, w)
      n = Mul (a, s)
      o = BatchNormalization (n, g, b, m, v)
      p = Dropout (o)
      q = Add (p, s)
      r = Clip <min = 0.0, max = 6.0> (q)
      h = GlobalAveragePool (r)
      i = Flatten (h)
      ft = Transpose <perm = [1, 0]> (f)
      j = Gemm <alpha = 0.5> (i, ft, b)
      dead = Neg (j)
      k = Softmax (j)
      y = Identity (k))",
      6);
  const Model after = expect_same_outputs(model, kPrepare);
  EXPECT_EQ(op_types(after.graph), "Conv Clip GlobalAveragePool Flatten Gemm Softmax");
  EXPECT_EQ(after.opset(), 13);
  EXPECT_EQ(after.ir_version, 7);
  std::set<std::string> names;
  for (const Constant& constant : after.graph.initializers) {
    names.insert(constant.name);
  }
  // Weight and bias of both layers, and the bounds of Clip.
  EXPECT_EQ(names.size(), 6U);
  EXPECT_FALSE(names.contains("unused"));
}

TEST(Prepare, ASecondRunChangesNothing) {
  Model model =
      model_of(7, "(float[N,2,4] x) => (float[N,2,4] y)", {weight_text("w", {2, 2, 1}, 1)},
               "a = Conv (x, w) b = Mul (a, a) y = Softmax (b)", 6);
  prepare(model);
  const std::string bytes = serialize_model(model);
  for (const PassResult& result : prepare(model)) {
    EXPECT_EQ(result.changes, 0) << result.pass;
    EXPECT_TRUE(result.notes.empty()) << result.pass;
  }
  EXPECT_EQ(serialize_model(model), bytes);
}

TEST(Prepare, ConstantsOfOldFilesAreNoInputs) {
  Model model = model_of(8, "(float[N,2] x) => (float[N,3] y)", {weight_text("w", {2, 3}, 1)},
                         "y = MatMul (x, w)", 3);
  model.graph.inputs.push_back(
      {.name = "w", .dtype = DType::kFloat, .has_shape = true, .shape = {2, 3}});
  const Model after = expect_same_outputs(model, kPrepare);
  EXPECT_EQ(after.graph.inputs.size(), 1U);
  EXPECT_EQ(after.ir_version, 7);
}

TEST(Prepare, DefaultsOfInputsStayAndAreNoted) {
  Model model = model_of(13, "(float[N,2] x) => (float[N,3] y)", {weight_text("w", {2, 3}, 1)},
                         "y = Gemm <alpha = 2.0> (x, w)");
  model.graph.inputs.push_back(
      {.name = "w", .dtype = DType::kFloat, .has_shape = true, .shape = {2, 3}});
  const std::vector<PassResult> results = prepare(model);
  EXPECT_EQ(model.graph.inputs.size(), 2U);
  EXPECT_EQ(model.graph.initializers.size(), 1U);
  const auto raised = std::ranges::find(results, "raise_ir_version", &PassResult::pass);
  ASSERT_NE(raised, results.end());
  ASSERT_EQ(raised->notes.size(), 1U);
  EXPECT_NE(raised->notes[0].find("'w' is an input with a default"), std::string::npos);
}

TEST(Prepare, EveryPassHasNameAndSummary) {
  std::set<std::string_view> names;
  for (const Pass& pass : prepare_passes()) {
    EXPECT_TRUE(names.insert(pass.name).second) << pass.name;
    EXPECT_FALSE(pass.summary.empty()) << pass.name;
  }
  EXPECT_EQ(names.size(), prepare_passes().size());
}

// Real models beside the repository, where they are there.
struct ZooModel {
  std::string file;
  std::map<std::string, Shape> shapes =
      {};  // of inputs for which 2 in each unknown place is too small
};

std::ostream& operator<<(std::ostream& out, const ZooModel& model) {
  return out << model.file;
}

class PrepareZoo : public ::testing::TestWithParam<ZooModel> {};

TEST_P(PrepareZoo, KeepsTheOutputs) {
  const std::filesystem::path path =
      std::filesystem::path(PTQ_SOURCE_DIR) / ".." / "shared" / "zoo" / "models" / GetParam().file;
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "there is no " << path;
  }
  const Model model = read_model(path);
  std::map<std::string, Tensor> feeds = random_feeds(model, 1, GetParam().shapes);
  if (feeds.contains("sr")) {
    feeds["sr"] = Tensor::scalar(int64_t{16000});
  }
  if (feeds.contains("attention_mask")) {
    Tensor& mask = feeds["attention_mask"];
    std::ranges::fill(mask.mutable_data<int64_t>(), 1);
  }
  Model prepared = model;
  prepared.graph = copy_graph(model.graph);
  for (const PassResult& result : prepare(prepared)) {
    for (const std::string& note : result.notes) {
      std::cout << result.pass << ": " << note << "\n";
    }
  }
  const double difference =
      max_relative_difference(run_plain(model, feeds), run_plain(prepared, feeds));
  std::cout << GetParam().file << ": " << model.graph.nodes.size() << " nodes, then "
            << prepared.graph.nodes.size() << "; max relative difference " << difference << "\n";
  EXPECT_LE(difference, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(
    All, PrepareZoo,
    ::testing::Values(
        ZooModel{"ch_ppocr_mobile_v2.0_cls_infer.onnx", {{"x", {1, 3, 48, 192}}}},
        ZooModel{"cifar10_resnet20.onnx"}, ZooModel{"efficientnet_lite0.onnx"},
        ZooModel{"kwt1_speech_commands12.onnx"}, ZooModel{"mlperftiny_kws_dscnn.onnx"},
        ZooModel{"mlperftiny_resnet8_cifar10.onnx"}, ZooModel{"mnist-8.onnx"},
        ZooModel{"mobilenetv2_torch_bn.onnx"},
        ZooModel{"paraphrase_minilm_l3_v8690.onnx",
                 {{"input_ids", {2, 12}}, {"attention_mask", {2, 12}}}},
        ZooModel{"pplcnet_text_orientation.onnx"},
        ZooModel{"silero_vad.onnx", {{"input", {1, 512}}, {"state", {2, 1, 128}}, {"sr", {}}}},
        ZooModel{"squeezenet1.1.onnx"},
        ZooModel{"sst2_minibert.onnx", {{"input_ids", {2, 12}}, {"attention_mask", {2, 12}}}},
        ZooModel{"stories260K.onnx", {{"tokens", {2, 12}}}}, ZooModel{"yolox_nano_coco416.onnx"}),
    [](const auto& entry) {
      std::string name = entry.param.file;
      std::ranges::replace_if(
          name, [](char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

}  // namespace
}  // namespace ptq::testing
