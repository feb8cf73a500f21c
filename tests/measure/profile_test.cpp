#include "measure/profile.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/text_model.h"
#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

using testing::HasSubstr;

std::string event(const char* name, const char* op, int start_us, int duration_us) {
  return fmt::format(
      R"({{"cat":"Node","pid":1,"tid":1,"dur":{},"ts":{},"ph":"X","name":"{}_kernel_time",)"
      R"("args":{{"op_name":"{}","node_index":"0"}}}})",
      duration_us, start_us, name, op);
}

std::string profile(const std::vector<std::string>& events) {
  std::string text =
      R"([{"cat":"Session","pid":1,"tid":1,"dur":9,"ts":0,"ph":"X","name":"model_run","args":{}})";
  for (const std::string& each : events) {
    text += "," + each;
  }
  return text + "]";
}

TEST(Profile, TakesTheMedianOfTheRunsThatCount) {
  const std::vector<NodeTime> times =
      parse_profile(profile({event("c", "Conv", 0, 9000), event("r", "Relu", 9000, 5),
                             event("c", "Conv", 10000, 100), event("r", "Relu", 10100, 7),
                             event("c", "Conv", 20000, 300), event("r", "Relu", 20300, 9)}),
                    3, 1);
  ASSERT_EQ(times.size(), 2U);
  EXPECT_EQ(times[0].name, "c");
  EXPECT_EQ(times[0].op_type, "Conv");
  EXPECT_DOUBLE_EQ(times[0].ms, 0.2);
  EXPECT_DOUBLE_EQ(times[1].ms, 0.008);
}

TEST(Profile, ANodeThatRunsOftenInARunIsCountedAsOften) {
  const std::vector<NodeTime> times =
      parse_profile(profile({event("m", "MatMul", 0, 10), event("m", "MatMul", 20, 10),
                             event("m", "MatMul", 40, 10), event("m", "MatMul", 60, 10)}),
                    2, 0);
  ASSERT_EQ(times.size(), 1U);
  EXPECT_DOUBLE_EQ(times[0].ms, 0.02);
}

TEST(Profile, TimeInsideALoopIsCountedOnce) {
  const std::vector<NodeTime> times = parse_profile(
      profile({event("m", "MatMul", 10, 30), event("i", "If", 50, 40), event("n", "Neg", 60, 25),
               event("l", "Loop", 0, 100), event("after", "Neg", 100, 3)}),
      1, 0);
  std::map<std::string, double> us;
  for (const NodeTime& node : times) {
    us[node.name] = node.ms * 1000.0;
  }
  EXPECT_NEAR(us["l"], 30.0, 1e-9);
  EXPECT_NEAR(us["i"], 15.0, 1e-9);
  EXPECT_NEAR(us["m"], 30.0, 1e-9);
  EXPECT_NEAR(us["n"], 25.0, 1e-9);
  EXPECT_NEAR(us["after"], 3.0, 1e-9);
}

TEST(Profile, WhatIsNoProfileIsRefusedInOneLine) {
  for (const std::string text : {"", "{}", "[]", "[1]", "[{\"name\":3}]", "[{\"cat\":\"Node\"",
                                 "[{\"cat\":\"Node\",\"name\":\"c_kernel_time\",\"args\":{}}]"}) {
    try {
      parse_profile(text, 1, 0);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kRuntime);
      EXPECT_THAT(error.what(), HasSubstr("expected a profile of ONNX Runtime"));
    }
  }
}

TEST(Profile, TheRuntimeWritesOneThatNamesItsNodes) {
  const Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]>\n"
      "g (float[2] x) => (float[2] y) { [e] a = Exp(x) \n y = Tanh(a) }");
  const std::map<std::string, Tensor> feeds = {{"x", Tensor(DType::kFloat, {2})}};
  const std::vector<NodeTime> times =
      profile_session([&](const SessionOptions& options) { return open_session(model, options); },
                      [&](const Session& session, size_t) { session.run(feeds); }, {}, 4, 1);
  ASSERT_EQ(times.size(), 2U);
  EXPECT_EQ(times[0].name, "e");
  EXPECT_EQ(times[0].op_type, "Exp");
  EXPECT_EQ(times[1].op_type, "Tanh");
}

TEST(OperatorKind, FusedAndIntegerOperatorsAreOfTheKindTheyStandFor) {
  for (const char* op : {"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "ConvInteger"}) {
    EXPECT_EQ(operator_kind(op), "Conv") << op;
  }
  for (const char* op : {"MatMul", "FusedMatMul", "QLinearMatMul", "MatMulIntegerToFloat",
                         "MatMulInteger", "DynamicQuantizeMatMul"}) {
    EXPECT_EQ(operator_kind(op), "MatMul") << op;
  }
  EXPECT_EQ(operator_kind("QGemm"), "Gemm");
  EXPECT_EQ(operator_kind("QLinearAdd"), "Add");
  EXPECT_EQ(operator_kind("NhwcMaxPool"), "MaxPool");
  EXPECT_EQ(operator_kind("ReorderOutput"), "Reorder");
  EXPECT_EQ(operator_kind("QuantizeLinear"), "QuantizeLinear");
  EXPECT_EQ(operator_kind("Fused"), "Fused");
}

TEST(TimeByKind, PutsBothModelsSideBySideSlowestFirst) {
  const std::vector<KindTime> kinds =
      time_by_kind({{"a", "Conv", 3.0}, {"b", "FusedConv", 1.0}, {"c", "Relu", 0.5}},
                   {{"a", "QLinearConv", 2.0}, {"q", "QuantizeLinear", 9.0}});
  ASSERT_EQ(kinds.size(), 3U);
  EXPECT_EQ(kinds[0].kind, "QuantizeLinear");
  EXPECT_EQ(kinds[0].fp32_nodes, 0U);
  EXPECT_EQ(kinds[1].kind, "Conv");
  EXPECT_EQ(kinds[1].fp32_nodes, 2U);
  EXPECT_DOUBLE_EQ(kinds[1].fp32_ms, 4.0);
  EXPECT_EQ(kinds[1].quantized_nodes, 1U);
  EXPECT_DOUBLE_EQ(kinds[1].quantized_ms, 2.0);
}

}  // namespace
}  // namespace ptq
