// `ptq report` as a user types it, on documents that the other verbs have just written.

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
const std::string kCalib = data_file("fashion_calib.npz");
const std::string kTest = data_file("fashion_test.npz");

TEST(Report, ShowsWhatTheVerbsFoundAndKeepsItsExitCodeWhenAGateWasMissed) {
  const TemporaryFolder folder;
  const auto run = [&](std::vector<std::string> words) {
    return run_ptq(words, folder.path()).exit_code;
  };
  ASSERT_EQ(run({"calibrate", kModel, "--data", kCalib, "--samples", "64", "-o", "s.ptqstats",
                 "--json-out", "c.json"}),
            0);
  ASSERT_EQ(run({"diagnose", kModel, "--stats", "s.ptqstats", "--json-out", "d.json"}), 0);
  ASSERT_EQ(
      run({"quantize", kModel, "--stats", "s.ptqstats", "-o", "q.onnx", "--json-out", "q.json"}),
      0);
  ASSERT_EQ(run({"validate", kModel, "q.onnx", "--data", kTest, "--samples", "64", "--min-sqnr",
                 "90", "--json-out", "v.json"}),
            1);
  const ProgramRun report = run_ptq({"report", "c.json", "d.json", "q.json", "v.json", "-o",
                                     "r.html", "--md", "r.md", "--format", "json"},
                                    folder.path());
  ASSERT_EQ(report.exit_code, 0) << report.err;
  const Json document = Json::parse(report.out);
  EXPECT_EQ(document["schema"], "ptq.report/1");
  EXPECT_EQ(document["summary"]["state"], "FAIL");
  EXPECT_EQ(document["summary"]["model"], "fashion_resnet.onnx");
  const std::string html = read_file(folder.file("r.html"));
  EXPECT_EQ(document["summary"]["html_bytes"], html.size());
  for (const char* text : {"fashion_resnet.onnx", "limit 90.00 dB", "Histogram of ", "absmax",
                           "<b class=\"id\">", "stage1/<wbr>"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_THAT(html, Not(HasSubstr("No document says the order of the network")));
  const std::string place = std::filesystem::path(kModel).parent_path().string();
  EXPECT_THAT(html, Not(HasSubstr(place)));  // a page is passed on
  EXPECT_THAT(read_file(folder.file("r.md")), Not(HasSubstr(place)));
  EXPECT_THAT(html, HasSubstr("cut s3"));  // of KL
  EXPECT_THAT(read_file(folder.file("r.md")), HasSubstr("FAIL: fashion\\_resnet.onnx"));

  ASSERT_EQ(run({"report", "v.json", "q.json", "d.json", "c.json", "-o", "again.html", "-q"}), 0);
  EXPECT_EQ(read_file(folder.file("again.html")), html);
  ASSERT_EQ(run({"report", "d.json", "-o", "short.html", "--top", "1"}), 0);
  EXPECT_LT(read_file(folder.file("short.html")).size(), html.size());
}

TEST(Report, RefusesWithOneLineAndWritesNothing) {
  const TemporaryFolder folder;
  folder.write("ok.json", R"({"schema":"ptq.bench/1","inputs":[{"sha256":"aa"}]})");
  folder.write("other.json", R"({"schema":"ptq.validate/1","inputs":[{"sha256":"bb"}]})");
  folder.write("list.json", R"({"schema":"ptq.list/1"})");
  folder.write("broken.json", R"({"schema":"ptq.bench/1)");
  folder.write("there.html", "old");
  const std::vector<std::string> before = folder.list();
  const auto expect = [&](std::vector<std::string> words, int code, const std::string& message) {
    words.insert(words.begin(), "report");
    const ProgramRun run = run_ptq(words, folder.path());
    EXPECT_EQ(run.exit_code, code) << run.err;
    EXPECT_THAT(run.err, HasSubstr(message));
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
    EXPECT_EQ(folder.list(), before);
  };
  expect({"-o", "r.html"}, 2, "documents");
  expect({"ok.json"}, 2, "-o FILE.html");
  expect({"ok.json", "-o", "r.html", "--md", "./r.html"}, 2, "same");
  expect({"ok.json", "-o", "there.html"}, 2, "there.html");
  expect({"ok.json", "-o", "ok.json", "--force"}, 2, "ok.json");
  expect({"ok.json", "ok.json", "-o", "r.html"}, 2, "one ptq.bench/1");
  expect({"ok.json", "other.json", "-o", "r.html", "--md", "r.md"}, 3, "one model file");
  expect({"list.json", "-o", "r.html"}, 3, "ptq.list/1");
  expect({"broken.json", "-o", "r.html"}, 3, "broken JSON");
  expect({"none.json", "-o", "r.html"}, 3, "none.json");
  expect({"ok.json", "-o", "no/such/r.html"}, 4, "no/such");
}

TEST(Report, AnErrorOfAnotherVerbIsAFailure) {
  const TemporaryFolder folder;
  const ProgramRun failed = run_ptq({"inspect", "absent.onnx", "--format", "json"}, folder.path());
  ASSERT_EQ(failed.exit_code, 3);
  folder.write("e.json", failed.out);
  ASSERT_EQ(run_ptq({"report", "e.json", "--md", "r.md"}, folder.path()).exit_code, 0);
  EXPECT_THAT(folder.list(), ElementsAre("e.json", "r.md"));
  EXPECT_THAT(read_file(folder.file("r.md")), HasSubstr("FAIL"));
  EXPECT_THAT(read_file(folder.file("r.md")), HasSubstr("ptq inspect ended in an error"));
}

}  // namespace
}  // namespace ptq::testing
