// The verbs on the networks of data/, as a user types them.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kVit = data_file("fashion_vit.onnx");
const std::string kCalib = data_file("fashion_calib.npz");
const std::string kTest = data_file("fashion_test.npz");

class Networks : public ::testing::TestWithParam<std::string> {};

TEST_P(Networks, QuantizedModelHoldsItsAccuracy) {
  const TemporaryFolder folder;
  const std::string model = data_file(GetParam());
  const ProgramRun quantize =
      run_ptq({"quantize", model, "--data", kCalib, "-o", "q.onnx"}, folder.path());
  ASSERT_EQ(quantize.exit_code, 0) << quantize.err;
  EXPECT_THAT(quantize.out, HasSubstr("PASS quantize"));
  const ProgramRun validate =
      run_ptq({"validate", model, "q.onnx", "--data", kTest, "--labels", "labels", "--max-drop",
               "1.0", "--min-sqnr", "25", "--format", "json"},
              folder.path());
  ASSERT_EQ(validate.exit_code, 0) << validate.out << validate.err;
  const Json report = Json::parse(validate.out);
  EXPECT_EQ(report["status"], "pass");
  EXPECT_EQ(report["summary"]["labels"]["samples"], 2000);
  EXPECT_GT(report["summary"]["labels"]["fp32_percent"], 88.0);
  EXPECT_EQ(report["gates"].size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Data, Networks,
                         ::testing::Values("fashion_resnet.onnx", "fashion_vit.onnx"),
                         [](const auto& entry) {
                           return entry.param.substr(0, entry.param.find('.'));
                         });

TEST(Quantize, ProductsOfTheResidualNetworkRunInIntegers) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq(
      {"quantize", kModel, "--data", kCalib, "-o", "q.onnx", "--format", "json"}, folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["summary"]["runtime_float_products"], 0);
  EXPECT_GE(report["summary"]["runtime_integer_kernels"], 12);
  EXPECT_LE(report["summary"]["runtime_pairs_left"], 1);
  EXPECT_GT(report["summary"]["size_ratio"], 3.4);
  for (const Json& decision : report["decisions"]) {
    EXPECT_FALSE(decision["reason"].get<std::string>().empty());
  }
}

TEST(Quantize, EveryProductWithAWeightIsProvenInIntegers) {
  const TemporaryFolder folder;
  for (const std::string& model : {kModel, kVit}) {
    const ProgramRun run = run_ptq({"quantize", model, "--data", kCalib, "-o", "q.onnx", "--force",
                                    "--no-fallback", "--format", "json"},
                                   folder.path());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json report = Json::parse(run.out);
    EXPECT_GE(report["summary"]["macs"]["integer_percent"], model == kVit ? 85.0 : 100.0);
    EXPECT_GT(report["summary"]["macs"]["known"], 1000000);
    EXPECT_EQ(report["kernels"].size(), report["decisions"].size());
    for (const Json& kernel : report["kernels"]) {
      EXPECT_THAT(kernel["outcome"].get<std::string>(), Not(HasSubstr("against")));
      EXPECT_FALSE(kernel["reason"].get<std::string>().empty());
      const std::string op = kernel["op_type"].get<std::string>();
      if ((op == "Conv" || op == "Gemm" || op == "MatMul") && kernel["outcome"] != "integer") {
        EXPECT_THAT(kernel["reason"].get<std::string>(), HasSubstr("two activations"));
      }
    }
  }
}

TEST(Quantize, NoFallbackNeedsATargetOfOnnxRuntime) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq(
      {"quantize", kModel, "--data", kCalib, "--target", "qnn", "--no-fallback"}, folder.path());
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("target qnn is executed by"));
}

TEST(Quantize, StatisticsAndDataGiveTheSameBytesForAnyThreads) {
  const TemporaryFolder folder;
  for (const std::string threads : {"1", "2", "3"}) {
    ASSERT_EQ(run_ptq({"calibrate", kVit, "--data", kCalib, "-o", threads + ".ptqstats",
                       "--threads", threads},
                      folder.path())
                  .exit_code,
              0);
    ASSERT_EQ(run_ptq({"quantize", kVit, "--stats", threads + ".ptqstats", "-o", threads + ".onnx",
                       "--threads", threads},
                      folder.path())
                  .exit_code,
              0);
  }
  ASSERT_EQ(
      run_ptq({"quantize", kVit, "--data", kCalib, "-o", "direct.onnx"}, folder.path()).exit_code,
      0);
  EXPECT_EQ(read_file(folder.file("1.ptqstats")), read_file(folder.file("2.ptqstats")));
  EXPECT_EQ(read_file(folder.file("1.ptqstats")), read_file(folder.file("3.ptqstats")));
  EXPECT_EQ(read_file(folder.file("1.onnx")), read_file(folder.file("3.onnx")));
  EXPECT_EQ(read_file(folder.file("1.onnx")), read_file(folder.file("direct.onnx")));
}

TEST(Quantize, LeavesItsInputsAlone) {
  const TemporaryFolder folder;
  const std::string bytes = read_file(kModel);
  folder.write("m.onnx", bytes);
  ASSERT_EQ(run_ptq({"quantize", "m.onnx", "--data", kCalib}, folder.path()).exit_code, 0);
  EXPECT_EQ(read_file(folder.file("m.onnx")), bytes);
  EXPECT_THAT(folder.list(), ElementsAre("m.int8.onnx", "m.onnx"));
}

TEST(Validate, AMissedGateFailsWithExitOne) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      run_ptq({"quantize", kModel, "--data", kCalib, "-o", "q.onnx"}, folder.path()).exit_code, 0);
  const ProgramRun run =
      run_ptq({"validate", kModel, "q.onnx", "--data", kCalib, "--min-sqnr", "90"}, folder.path());
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr("FAIL validate"));
  EXPECT_THAT(run.out, HasSubstr("min-sqnr  FAIL"));
}

TEST(Validate, AModelAgainstItselfIsLossless) {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_ptq({"validate", kModel, kModel, "--data", kCalib, "--format", "json"}, folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Json::parse(run.out)["outputs"][0]["sqnr_db"], "Infinity");
}

TEST(Diagnose, TellsEstimatorAndReasonForEachTensor) {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_ptq({"diagnose", kVit, "--data", kCalib, "--format", "json"}, folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_GT(report["tensors"].size(), 10U);
  for (const Json& tensor : report["tensors"]) {
    EXPECT_GE(tensor["outlier_ratio"], 1.0);
    EXPECT_FALSE(tensor["reason"].get<std::string>().empty());
  }
}

TEST(Inspect, WorksWithoutTheRuntimeLibrary) {
  const TemporaryFolder folder;
  setenv("PTQ_ONNXRUNTIME", folder.file("nowhere").c_str(), 1);
  const ProgramRun run = run_ptq({"inspect", kModel, "--format", "json"}, folder.path());
  unsetenv("PTQ_ONNXRUNTIME");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Json::parse(run.out)["operators"]["Conv"], 11);
}

TEST(Json, TheDocumentOnStdoutAndInTheFileAreTheSame) {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_ptq({"inspect", kModel, "--format", "json", "--json-out", "r.json"}, folder.path());
  ASSERT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out, read_file(folder.file("r.json")));
}

}  // namespace
}  // namespace ptq::testing
