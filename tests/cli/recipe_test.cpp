// ptq quantize --save-recipe and --recipe: the same bytes again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kVit = data_file("fashion_vit.onnx");
const std::string kCalib = data_file("fashion_calib.npz");

std::vector<std::string> quantize(const std::string& model, std::vector<std::string> more) {
  std::vector<std::string> words = {"quantize", model, "--data", kCalib, "--samples", "24"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Quantizes with the flags and a saved recipe, then with the recipe alone.
void expect_repeated(const std::string& model, std::vector<std::string> flags) {
  const TemporaryFolder folder;
  flags.insert(flags.end(), {"-o", "a.onnx", "--save-recipe", "r.toml"});
  const ProgramRun first = run_ptq(quantize(model, flags), folder.path());
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const ProgramRun second = run_ptq(
      quantize(model, {"--recipe", "r.toml", "-o", "b.onnx", "--save-recipe", "again.toml"}),
      folder.path());
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(read_file(folder.file("a.onnx")), read_file(folder.file("b.onnx")));
  EXPECT_EQ(read_file(folder.file("r.toml")), read_file(folder.file("again.toml")));
}

TEST(Recipe, RepeatsADefaultQuantization) {
  expect_repeated(kVit, {});
}

TEST(Recipe, RepeatsEveryKindOfOption) {
  expect_repeated(kModel, {"--estimator", "mse", "--weights", "uint8", "--effort", "fast",
                           "--float-below", "45", "--without", "mean-rounding"});
  expect_repeated(kVit, {"--ratio-preset", "strict", "--assume-vnni", "--high-ratio", "7.5"});
}

TEST(Recipe, RepeatsWhatTimingChose) {
  expect_repeated(kModel, {"--keep-faster", "--threads", "1"});
}

// Measured products, named in the recipe instead of measured again, give the same bytes.
TEST(Recipe, NamesInPlaceOfAMeasurementGiveTheSameBytes) {
  const TemporaryFolder folder;
  const ProgramRun measured = run_ptq(
      quantize(kVit, {"--float-below", "50", "-o", "a.onnx", "--format", "json"}), folder.path());
  ASSERT_EQ(measured.exit_code, 0) << measured.err;
  std::vector<std::string> flags = {"--float-below", "0", "-o", "b.onnx"};
  size_t named = 0;
  const nlohmann::json report = nlohmann::json::parse(measured.out);
  for (const nlohmann::json& decision : report["decisions"]) {
    const auto reason = decision["reason"].get<std::string>();
    if (reason.find("in integers it alone brings") != std::string::npos) {
      flags.insert(flags.end(), {"--keep-float", decision["node"].get<std::string>()});
      ++named;
    }
  }
  ASSERT_GT(named, 0U);
  const ProgramRun again = run_ptq(quantize(kVit, flags), folder.path());
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(read_file(folder.file("a.onnx")), read_file(folder.file("b.onnx")));
}

TEST(Recipe, IsNotContradicted) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      run_ptq(quantize(kModel, {"--estimator", "mse", "-o", "a.onnx", "--save-recipe", "r.toml"}),
              folder.path())
          .exit_code,
      0);
  const ProgramRun other = run_ptq(
      quantize(kModel, {"--recipe", "r.toml", "--estimator", "kl", "-o", "b.onnx"}), folder.path());
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("--estimator gives estimator = \"kl\", but the recipe r.toml "
                                   "says \"mse\""));
  EXPECT_EQ(run_ptq(quantize(kModel, {"--recipe", "r.toml", "--estimator", "mse", "--float-below",
                                      "20", "-o", "b.onnx"}),
                    folder.path())
                .exit_code,
            0);
  const ProgramRun timed = run_ptq(
      quantize(kModel, {"--recipe", "r.toml", "--keep-faster", "-o", "c.onnx"}), folder.path());
  EXPECT_EQ(timed.exit_code, 2);
  EXPECT_THAT(timed.err, HasSubstr("give one of them"));
}

TEST(Recipe, FilesDoNotReplaceEachOther) {
  const TemporaryFolder folder;
  folder.write("r.toml", "recipe = 1\ntarget = \"ort-x86\"\nmethods = []\n");
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--recipe", "r.toml", "-o", "r.toml", "--force"},
        {"--recipe", "r.toml", "--save-recipe", "r.toml", "-o", "q.onnx", "--force"},
        {"--save-recipe", "q.onnx", "-o", "q.onnx"}}) {
    EXPECT_EQ(run_ptq(quantize(kModel, more), folder.path()).exit_code, 2);
  }
  EXPECT_THAT(folder.list(), ::testing::ElementsAre("r.toml"));
}

TEST(Recipe, AMissingFileIsSaidBeforeTheWork) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq(quantize(kModel, {"--recipe", "none.toml"}), folder.path());
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("cannot read the file none.toml"));
}

}  // namespace
}  // namespace ptq::testing
