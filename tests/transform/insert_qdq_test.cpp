#include "transform/insert_qdq.h"

#include <cmath>

#include <gtest/gtest.h>

#include "plan/make_plan.h"
#include "runtime/model_session.h"
#include "transform/measured_plan.h"

namespace ptq {
namespace {

using testing::measured_ranges;
using testing::parse_prepared;
using testing::sqnr_db;
using testing::unit_feeds;

TEST(InsertQdq, KeepsTheNamesOfGraphOutputs) {
  const Model model = parse_prepared(
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y, float[1,2,4,4] a)\n"
      "<float[2,2,1,1] w = {1,2,3,4}>\n{ a = Conv(x, w)\n y = Conv(a, w) }");
  const Structure structure = analyze_structure(model.graph, {}, targets().front());
  const Session fp32 = open_session(model, {});
  const std::map<std::string, Tensor> feeds = unit_feeds(fp32, 5);
  const QuantPlan plan = make_plan(model.graph, structure, measured_ranges(model, structure, feeds),
                                   targets().front(), WeightForm::kUint8);
  const InsertResult inserted = insert_qdq(model, plan);
  const Session quantized = open_session(inserted.model, {});
  ASSERT_EQ(quantized.outputs().size(), 2U);
  EXPECT_EQ(quantized.outputs()[0].name, "y");
  EXPECT_EQ(quantized.outputs()[1].name, "a");
  const std::vector<Tensor> expected = fp32.run(feeds);
  const std::vector<Tensor> got = quantized.run(feeds);
  EXPECT_GT(sqnr_db(expected[0], got[0]), 25.0);
  EXPECT_GT(sqnr_db(expected[1], got[1]), 25.0);
}

TEST(InsertQdq, EveryScaleIsFiniteNormalAndPositive) {
  // A channel of zeros, a denormal channel and a bias that would overflow INT32.
  const Model model = parse_prepared(
      "g (float[1,3] x) => (float[1,3] y)\n"
      "<float[3,3] w = {0,1e-42,1,0,1e-42,2,0,1e-42,3}, float[3] b = {1,1e6,1e-3}>\n"
      "{ y = Gemm(x, w, b) }");
  const Structure structure = analyze_structure(model.graph, {}, targets().front());
  const QuantPlan plan =
      make_plan(model.graph, structure, {{"x", {{.lo = 0.0F, .hi = 1e-30F}, "absmax", "given"}}},
                targets().front(), WeightForm::kUint8);
  for (const Constant& constant : insert_qdq(model, plan).model.graph.initializers) {
    if (constant.name.find("_scale") == std::string::npos) {
      continue;
    }
    for (const float scale : constant.tensor.data<float>()) {
      EXPECT_TRUE(std::isnormal(scale) && scale > 0.0F) << constant.name << " " << scale;
    }
  }
}

}  // namespace
}  // namespace ptq
