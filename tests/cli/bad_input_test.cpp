// Bad input: one clear line, the exit code of the table, nothing partial left behind.

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");

// One line of error text that holds `words`, the exit code, and no file besides `before`.
void expect_refused(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                    int exit_code, const std::vector<std::string>& words) {
  const std::vector<std::string> before = folder.list();
  const ProgramRun run = run_ptq(arguments, folder.path());
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  EXPECT_THAT(run.err, HasSubstr("ptq: error: "));
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
  for (const std::string& word : words) {
    EXPECT_THAT(run.err, HasSubstr(word));
  }
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(folder.list(), before);
}

std::vector<std::string> quantize(const std::string& model, const std::string& data = kCalib) {
  return {"quantize", model, "--data", data, "-o", "out.onnx"};
}

TEST(BadModel, IsRefusedWithItsReason) {
  const TemporaryFolder folder;
  folder.write("empty.onnx", "");
  folder.write("page.onnx", "<!DOCTYPE html><html><body>Not found</body></html>");
  folder.write("lfs.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
  folder.write("cut.onnx", read_file(kModel).substr(0, 300000));
  folder.write("noise.onnx", std::string(1000, '\xA7'));
  expect_refused(folder, quantize("missing.onnx"), 3, {"missing.onnx", "no such file"});
  expect_refused(folder, quantize("empty.onnx"), 3, {"empty.onnx", "empty"});
  expect_refused(folder, quantize("page.onnx"), 3, {"web page"});
  expect_refused(folder, quantize("lfs.onnx"), 3, {"lfs.onnx"});
  expect_refused(folder, quantize("cut.onnx"), 3, {"truncated"});
  expect_refused(folder, quantize("noise.onnx"), 3, {"noise.onnx"});
  expect_refused(folder, quantize("."), 3, {"folder"});
}

TEST(BadModel, AlreadyQuantizedIsNamed) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      run_ptq({"quantize", kModel, "--data", kCalib, "-o", "q.onnx"}, folder.path()).exit_code, 0);
  expect_refused(folder, quantize("q.onnx"), 3, {"already quantized"});
}

TEST(BadData, IsRefusedWithItsReason) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("nothing"));
  expect_refused(folder, quantize(kModel, "missing.npz"), 3, {"missing.npz"});
  expect_refused(folder, quantize(kModel, "nothing"), 3, {"nothing", "empty"});
  expect_refused(folder, {"quantize", kModel}, 2, {"--data", "--stats"});
  folder.write("cut.npz", read_file(kCalib).substr(0, 100000));
  expect_refused(folder, quantize(kModel, "cut.npz"), 3, {"cut.npz"});
}

TEST(BadOutput, IsRefusedBeforeTheWork) {
  const TemporaryFolder folder;
  folder.write("m.onnx", read_file(kModel));
  folder.write("there.onnx", "precious");
  expect_refused(folder, {"quantize", "m.onnx", "--data", kCalib, "-o", "m.onnx"}, 2, {"input"});
  expect_refused(folder, {"quantize", "m.onnx", "--data", kCalib, "-o", "./m.onnx", "--force"}, 2,
                 {"never changed"});
  expect_refused(folder, {"quantize", "m.onnx", "--data", kCalib, "-o", "there.onnx"}, 2,
                 {"--force"});
  EXPECT_EQ(read_file(folder.file("there.onnx")), "precious");
  expect_refused(folder, {"quantize", "m.onnx", "--data", kCalib, "-o", "no/out.onnx"}, 4, {"no"});
  expect_refused(folder, {"quantize", "m.onnx", "--data", kCalib, "-o", "."}, 2, {"folder"});
}

TEST(BadStatistics, AreRefused) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      run_ptq({"calibrate", kModel, "--data", kCalib, "-o", "s.ptqstats"}, folder.path()).exit_code,
      0);
  std::string bytes = read_file(folder.file("s.ptqstats"));
  folder.write("cut.ptqstats", bytes.substr(0, bytes.size() / 2));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  folder.write("flip.ptqstats", bytes);
  const auto with = [](const std::string& model, const std::string& stats) {
    return std::vector<std::string>{"quantize", model, "--stats", stats, "-o", "out.onnx"};
  };
  expect_refused(folder, with(kModel, "cut.ptqstats"), 3, {"damaged"});
  expect_refused(folder, with(kModel, "flip.ptqstats"), 3, {"damaged"});
  expect_refused(folder, with(kModel, kModel), 3, {"no statistics file"});
  expect_refused(folder, with(data_file("fashion_vit.onnx"), "s.ptqstats"), 3, {"another model"});
}

TEST(Usage, TypingErrorsGetASuggestion) {
  const TemporaryFolder folder;
  expect_refused(folder, {"quantise", kModel}, 2, {"did you mean 'quantize'"});
  expect_refused(folder, {"quantize", kModel, "--dta", "x"}, 2, {"--dta", "did you mean --data"});
  expect_refused(folder, {"quantize", kModel, "--data", kCalib, "--estimator", "magic"}, 2,
                 {"magic", "absmax"});
  expect_refused(folder, {"quantize", kModel, "--data", kCalib, "--threads", "-1"}, 2,
                 {"--threads"});
  expect_refused(
      folder,
      {"quantize", kModel, "--data", kCalib, "--keep-float", "no-such-node", "-o", "x.onnx"}, 2,
      {"no-such-node"});
  expect_refused(folder, {"validate", kModel, kModel, "--data", kCalib, "--max-drop", "1"}, 2,
                 {"labels"});
  expect_refused(folder, {"diagnose", kModel, "--data", kCalib, "--sort", "ration"}, 2,
                 {"ration", "did you mean ratio?"});
  expect_refused(folder, {"diagnose", kModel, "--data", kCalib, "-q", "--layer", "no-*-such"}, 2,
                 {"no-*-such", "none of the"});
  expect_refused(folder, {"diagnose", kModel, "--data", kCalib, "--bits", "5"}, 2, {"--bits"});
  expect_refused(folder, {"diagnose", kModel, "--data", kCalib, "--budget", "-1"}, 2, {"--budget"});
  expect_refused(folder, {"explain", "PTQ-D10"}, 2, {"PTQ-D10", "did you mean PTQ-"});
}

TEST(Errors, AreOneDocumentInJsonForm) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq({"inspect", "missing.onnx", "--format", "json"}, folder.path());
  EXPECT_EQ(run.exit_code, 3);
  const auto report = nlohmann::json::parse(run.out);
  EXPECT_EQ(report["status"], "error");
  EXPECT_EQ(report["exit_code"], 3);
}

}  // namespace
}  // namespace ptq::testing
