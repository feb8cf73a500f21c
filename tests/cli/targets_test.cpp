// Every target on the networks of data/: the file loads, and ONNX Runtime as judge of its meaning
// finds the accuracy of FP32.

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kCalib = data_file("fashion_calib.npz");

using NetworkAndTarget = std::tuple<std::string, std::string>;
class Targets : public ::testing::TestWithParam<NetworkAndTarget> {};

TEST_P(Targets, HoldAccuracyOnTheNetworksOfTheRepository) {
  const auto& [network, target] = GetParam();
  const TemporaryFolder folder;
  const std::string model = data_file(network + ".onnx");
  const ProgramRun quantize = run_ptq(
      {"quantize", model, "--target", target, "--data", kCalib, "-o", "q.onnx"}, folder.path());
  ASSERT_EQ(quantize.exit_code, 0) << quantize.err;
  EXPECT_THAT(quantize.out, HasSubstr("in integers for " + target));
  const ProgramRun validate =
      run_ptq({"validate", model, "q.onnx", "--data", data_file("fashion_test.npz"), "--labels",
               "labels", "--max-drop", "1.0", "--min-sqnr", "25"},
              folder.path());
  EXPECT_EQ(validate.exit_code, 0) << validate.out << validate.err;
}

// ort-x86 is the default, which verbs_test.cpp covers.
INSTANTIATE_TEST_SUITE_P(Data, Targets,
                         ::testing::Combine(::testing::Values("fashion_resnet", "fashion_vit"),
                                            ::testing::Values("ort-arm", "openvino", "tensorrt",
                                                              "qnn", "qnn-a16")),
                         [](const auto& entry) {
                           std::string name =
                               std::get<0>(entry.param) + "_" + std::get<1>(entry.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(ListTargets, ShowsTypesAndWhatEachDoesWithEachOperator) {
  const TemporaryFolder folder;
  const ProgramRun text = run_ptq({"list", "targets"}, folder.path());
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("int8 symmetric"));
  EXPECT_THAT(text.out, HasSubstr("ConvTranspose"));
  const Json report =
      Json::parse(run_ptq({"list", "targets", "--format", "json"}, folder.path()).out);
  std::map<std::string, Json> targets;
  for (const Json& target : report["targets"]) {
    targets[target["name"]] = target;
  }
  ASSERT_EQ(targets.size(), 6U);
  EXPECT_EQ(targets["tensorrt"]["symmetric_activations"], true);
  EXPECT_EQ(targets["tensorrt"]["integer_bias"], false);
  EXPECT_EQ(targets["tensorrt"]["operators"]["Add"], "residual sum");
  EXPECT_EQ(targets["tensorrt"]["operators"]["Relu"], "-");
  EXPECT_EQ(targets["ort-arm"]["activations"], "int8");
  EXPECT_EQ(targets["ort-x86"]["operators"]["ConvTranspose"], "weight only");
  EXPECT_EQ(targets["openvino"]["operators"]["ConvTranspose"], "integer");
  EXPECT_EQ(targets["qnn-a16"]["activations"], "uint16");
}

TEST(TargetStatistics, ThatLackTensorsAreRefusedWithTheRemedy) {
  const TemporaryFolder folder;
  const std::string model = data_file("fashion_vit.onnx");
  ASSERT_EQ(run_ptq({"calibrate", model, "--data", kCalib, "--samples", "8", "-o", "x86.ptqstats"},
                    folder.path())
                .exit_code,
            0);
  const ProgramRun refused =
      run_ptq({"quantize", model, "--stats", "x86.ptqstats", "--target", "qnn", "-o", "q.onnx"},
              folder.path());
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("ptq calibrate --target qnn"));
  ASSERT_EQ(run_ptq({"calibrate", model, "--data", kCalib, "--samples", "8", "--target", "qnn",
                     "-o", "qnn.ptqstats"},
                    folder.path())
                .exit_code,
            0);
  EXPECT_EQ(
      run_ptq({"quantize", model, "--stats", "qnn.ptqstats", "--target", "qnn", "-o", "q.onnx"},
              folder.path())
          .exit_code,
      0);
}

}  // namespace
}  // namespace ptq::testing
