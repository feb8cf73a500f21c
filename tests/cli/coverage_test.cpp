// ptq coverage on the networks of data/, as a user types it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/random_images.h"
#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");
const std::string kTest = data_file("fashion_test.npz");

// Statistics over the given samples, `samples` of them.
void calibrate(const TemporaryFolder& folder, const std::string& data, const std::string& out,
               const std::string& samples = "64", const std::string& model = kModel) {
  const ProgramRun run =
      run_ptq({"calibrate", model, "--data", data, "--samples", samples, "-o", out}, folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
}

ProgramRun coverage(const TemporaryFolder& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"coverage", "--calibration", "a.ptqstats", "--production",
                                        "b.ptqstats"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_ptq(arguments, folder.path());
}

TEST(Coverage, SamplesOfTheSameKindAreCovered) {
  const TemporaryFolder folder;
  calibrate(folder, kCalib, "a.ptqstats", "128");
  calibrate(folder, kTest, "b.ptqstats", "128");
  const ProgramRun run =
      coverage(folder, {"--limit-clipped", "1", "--limit-range", "2", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["schema"], "ptq.coverage/1");
  EXPECT_EQ(report["summary"]["gaps"]["error"], 0);
  EXPECT_EQ(report["gates"].size(), 2U);
  for (const Json& tensor : report["tensors"]) {
    EXPECT_LT(tensor["ks_distance"], 0.1) << tensor;
    EXPECT_LE(tensor["clipped_percent"], 1.0) << tensor;
  }
}

TEST(Coverage, OtherPixelsMissTheLimits) {
  const TemporaryFolder folder;
  calibrate(folder, kCalib, "a.ptqstats", "32");
  write_batches(folder.file("noise"), random_images(32), 32);
  calibrate(folder, "noise", "b.ptqstats", "32");
  const ProgramRun open = coverage(folder);
  EXPECT_EQ(open.exit_code, 0);
  EXPECT_THAT(open.out, HasSubstr("PTQ-V103"));
  EXPECT_EQ(coverage(folder, {"--limit-range", "100"}).exit_code, 0);
  const ProgramRun gated = coverage(folder, {"--limit-range", "1", "--format", "json"});
  EXPECT_EQ(gated.exit_code, 1);
  const Json report = Json::parse(gated.out);
  EXPECT_EQ(report["status"], "fail");
  EXPECT_FALSE(report["gates"][0]["passed"]);
  EXPECT_FALSE(report["gaps"].empty());
}

TEST(Coverage, RefusesStatisticsOfAnotherModel) {
  const TemporaryFolder folder;
  calibrate(folder, kCalib, "a.ptqstats", "4");
  calibrate(folder, kCalib, "b.ptqstats", "4", data_file("fashion_vit.onnx"));
  const ProgramRun run = coverage(folder);
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("expected statistics of one model"));
  EXPECT_EQ(coverage(folder, {"--limit-clipped", "101"}).exit_code, 2);
  folder.write("b.ptqstats", "nothing");
  EXPECT_EQ(coverage(folder).exit_code, 3);
}

}  // namespace
}  // namespace ptq::testing
