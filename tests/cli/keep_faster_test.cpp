// What ptq quantize --keep-faster says and refuses. No test looks at a time, or at which products
// were chosen.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");

TEST(KeepFaster, MeasuresAndSaysWhatItFound) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq({"quantize", kModel, "--data", kCalib, "--samples", "16",
                                  "--keep-faster", "--threads", "1", "-o", "q.onnx"},
                                 folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, ::testing::ContainsRegex(
                           "keep-faster: [0-9]+ of 12 products in float, speedup [0-9.]+ "
                           "\\(quartiles [0-9.]+ to [0-9.]+\\) -> [0-9.]+ "));
  EXPECT_EQ(
      run_ptq({"validate", kModel, "q.onnx", "--data", kCalib, "--min-sqnr", "15"}, folder.path())
          .exit_code,
      0);
}

TEST(KeepFaster, IsOptional) {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_ptq({"quantize", kModel, "--data", kCalib, "-o", "q.onnx"}, folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, ::testing::Not(HasSubstr("keep-faster")));
}

TEST(KeepFaster, WantsSamplesEvenBesideStatistics) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_ptq({"calibrate", kModel, "--data", kCalib, "--samples", "8", "-o", "s.ptqstats"},
                    folder.path())
                .exit_code,
            0);
  const ProgramRun run =
      run_ptq({"quantize", kModel, "--stats", "s.ptqstats", "--keep-faster", "-o", "q.onnx"},
              folder.path());
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("add --data SAMPLES"));
}

TEST(KeepFaster, WantsATargetThatOnnxRuntimeExecutes) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq({"quantize", kModel, "--data", kCalib, "--keep-faster", "--target",
                                  "openvino", "-o", "q.onnx"},
                                 folder.path());
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("take an ort target"));
}

}  // namespace
}  // namespace ptq::testing
