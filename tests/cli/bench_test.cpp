// What ptq bench says and refuses. No test looks at a time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");

ProgramRun bench(const std::vector<std::string>& more, const TemporaryFolder& folder) {
  std::vector<std::string> words = {"bench", kModel, kModel, "--runs", "3", "--warmup", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return run_ptq(words, folder.path());
}

TEST(Bench, ReportsBothModelsAndEveryOperatorKind) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      run_ptq({"quantize", kModel, "--data", kCalib, "-o", "q.onnx"}, folder.path()).exit_code, 0);
  const ProgramRun run =
      run_ptq({"bench", kModel, "q.onnx", "--data", kCalib, "--batch", "2", "--samples", "4",
               "--threads", "1", "--runs", "4", "--warmup", "1", "--format", "json"},
              folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["schema"], "ptq.bench/1");
  EXPECT_EQ(report["settings"]["threads"], 1);
  EXPECT_EQ(report["settings"]["batch"], 2);
  EXPECT_EQ(report["settings"]["runs"], 4);
  EXPECT_EQ(report["settings"]["generated_inputs"], false);
  EXPECT_EQ(report["inputs"].size(), 2U);
  EXPECT_TRUE(report["environment"].contains("cpu_features"));
  for (const char* key : {"speedup", "fp32_ms", "quantized_ms"}) {
    EXPECT_GT(report["summary"][key]["median"], 0.0) << key;
  }
  bool has_conv = false;
  for (const Json& kind : report["operators"]) {
    if (kind["kind"] == "Conv") {
      has_conv = true;
      EXPECT_EQ(kind["fp32_nodes"], 11);
      EXPECT_EQ(kind["quantized_nodes"], 11);
    }
  }
  EXPECT_TRUE(has_conv);
}

TEST(Bench, SaysThatInputsAreGenerated) {
  const TemporaryFolder folder;
  const ProgramRun run = bench({}, folder);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("fed with generated inputs"));
  EXPECT_THAT(run.out, HasSubstr("PASS bench"));
  EXPECT_THAT(run.out, HasSubstr("generated inputs\n"));
}

TEST(Bench, RefusesShapesThatMakeNoSense) {
  const TemporaryFolder folder;
  for (const std::string shape : {"image", "=1x2", "image=", "image=1x", "image=1xx2", "image=0x1",
                                  "image=-1", "image=axb", "image=1x99999999999999999999"}) {
    const ProgramRun run = bench({"--shape", shape}, folder);
    EXPECT_EQ(run.exit_code, 2) << shape;
    EXPECT_THAT(run.err, HasSubstr("--shape wants NAME=1x3x224x224")) << shape;
  }
  EXPECT_EQ(bench({"--shape", "image=1x1x28x29"}, folder).exit_code, 2);
  const ProgramRun both = bench({"--shape", "image=1x1x28x28", "--data", kCalib}, folder);
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("leave out --data or --shape"));
}

TEST(Bench, RefusesModelsThatDoNotBelongTogetherAndRunsThatAreNone) {
  const TemporaryFolder folder;
  EXPECT_EQ(bench({"--runs", "0"}, folder).exit_code, 2);
  EXPECT_EQ(bench({"--batch", "0"}, folder).exit_code, 2);
  const ProgramRun missing = run_ptq({"bench", kModel, "nothing.onnx"}, folder.path());
  EXPECT_EQ(missing.exit_code, 3);
}

}  // namespace
}  // namespace ptq::testing
