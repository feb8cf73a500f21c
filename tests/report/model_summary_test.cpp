#include "report/model_summary.h"

#include <gtest/gtest.h>

#include "onnx_io/text_model.h"

namespace ptq {
namespace {

TEST(SummarizeModel, CountsTheGraphsInsideNodes) {
  const Model model = parse_text_model(R"(<ir_version: 8, opset_import: ["" : 13]>
    g (float[2] x, bool c) => (float[2] y) <float[2] w = {1, 2}> {
      a = Add (x, w)
      y = If (c) <
        then_branch = t () => (float[2] u) <float[3] v = {1, 2, 3}> { b = Neg (a) u = Neg (b) },
        else_branch = e () => (float[2] s) { s = Add (a, w) }>
    })");
  const ModelSummary summary = summarize_model(model);
  EXPECT_EQ(summary.operators,
            (std::map<std::string, uint64_t>{{"Add", 2}, {"If", 1}, {"Neg", 2}}));
  EXPECT_EQ(summary.nodes, 5U);
  EXPECT_EQ(summary.inner_graphs, 2U);
  EXPECT_EQ(summary.initializers, 2U);
  EXPECT_EQ(summary.parameters, 5U);
  EXPECT_EQ(summary.initializer_bytes, 20U);
}

}  // namespace
}  // namespace ptq
