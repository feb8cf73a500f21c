// --junit, --md and --github of verbs that can fail a job.

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");

TEST(Artefacts, AMissedGateIsInEveryForm) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_ptq({"quantize", kModel, "--data", kCalib, "--samples", "16", "-o", "q.onnx"},
                    folder.path())
                .exit_code,
            0);
  const ProgramRun run =
      run_ptq({"validate", kModel, "q.onnx", "--data", kCalib, "--samples", "32", "--min-sqnr",
               "90", "--min-agreement", "5", "--junit", "j.xml", "--md", "s.md", "--github", "-q"},
              folder.path());
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, StartsWith("FAIL validate q.onnx"));  // stdout is as without them
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 1);
  EXPECT_THAT(run.err, HasSubstr("::error title=ptq validate min-sqnr"));
  const std::string junit = read_file(folder.file("j.xml"));
  EXPECT_THAT(junit, HasSubstr("<testsuites name=\"ptq\" tests=\"2\" failures=\"1\" errors=\"0\""));
  EXPECT_THAT(junit, HasSubstr("name=\"min-agreement\""));
  EXPECT_THAT(read_file(folder.file("s.md")), StartsWith("## ❌ FAIL ptq validate: q.onnx"));
}

TEST(Artefacts, AnErrorReachesThemToo) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq({"data", "check", kModel, "--data", "absent.npz", "--junit",
                                  "j.xml", "--md", "s.md", "--github"},
                                 folder.path());
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("::error title=ptq data check data check::"));
  EXPECT_THAT(read_file(folder.file("j.xml")), HasSubstr("<error type=\"error\" message=\""));
  EXPECT_THAT(read_file(folder.file("s.md")), HasSubstr("absent.npz"));
}

TEST(Artefacts, PathsAreRefusedBeforeTheWork) {
  const TemporaryFolder folder;
  const auto refused = [&](std::vector<std::string> words, const std::string& message) {
    words.insert(words.begin(), {"diagnose", kModel, "--data", kCalib});
    const ProgramRun run = run_ptq(words, folder.path());
    EXPECT_THAT(run.err, HasSubstr(message));
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
    EXPECT_THAT(folder.list(), ElementsAre());
    return run.exit_code;
  };
  EXPECT_EQ(refused({"--junit", "a.txt", "--md", "./a.txt"}, "--junit and --md"), 2);
  EXPECT_EQ(refused({"--junit", "no/such/j.xml"}, "no/such"), 4);
}

TEST(Artefacts, FindingsOfADiagnosisAreAnnotations) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq(
      {"diagnose", kModel, "--data", kCalib, "--samples", "4", "--github", "-q"}, folder.path());
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("::warning title=ptq diagnose PTQ-D034::4 sample(s)"));
  EXPECT_THAT(run.err, Not(HasSubstr("::error")));
}

}  // namespace
}  // namespace ptq::testing
