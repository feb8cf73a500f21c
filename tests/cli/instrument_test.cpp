// ptq instrument and libptq_observe as in production: a program of its own (observe_host) runs the
// instrumented model and ends in many ways.

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Json = nlohmann::json;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");
const std::string kTest = data_file("fashion_test.npz");

class Production : public ::testing::Test {
 protected:
  void instrument(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"instrument", kModel, "-o", "m.obs.onnx"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramRun run = ptq(arguments);
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  ProgramRun ptq(const std::vector<std::string>& arguments) const {
    return run_ptq(arguments, folder_.path());
  }
  // The program in production; its statistics go to files NAME.ptqstats of the folder.
  ProgramRun host(const std::vector<std::string>& arguments,
                  const std::vector<std::string>& environment = {},
                  const std::string& model = "m.obs.onnx", const std::string& data = kTest) const {
    std::vector<std::string> words = {PTQ_OBSERVE_LIBRARY, model, data};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program(PTQ_OBSERVE_HOST, words, folder_.path(), environment);
  }
  std::vector<std::string> statistics() const {
    std::vector<std::string> names = folder_.list();
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".ptqstats"); });
    return names;
  }
  Json show(const std::string& name) const {
    const ProgramRun run = ptq({"stats", "show", name, "--format", "json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return Json::parse(run.out);
  }
  void calibrate(const std::string& samples, const std::string& output,
                 const std::string& data = kTest) const {
    const ProgramRun run =
        ptq({"calibrate", kModel, "--data", data, "--samples", samples, "-o", output});
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }

  TemporaryFolder folder_;
};

TEST_F(Production, LeavesTheStatisticsOfACalibrationOverTheSameSamples) {
  instrument({"--every", "1"});
  ASSERT_EQ(host({"exit", "24"}).exit_code, 0);
  ASSERT_THAT(statistics(), SizeIs(1));
  const Json production = show(statistics()[0]);
  calibrate("24", "calibrated");
  const Json calibrated = show("calibrated");
  EXPECT_EQ(production["summary"]["production"]["runs"], 24);
  EXPECT_TRUE(calibrated["summary"]["production"].is_null());
  EXPECT_EQ(production["summary"]["model_fingerprint"], calibrated["summary"]["model_fingerprint"]);
  ASSERT_EQ(production["tensors"].size(), calibrated["tensors"].size());
  for (size_t i = 0; i < production["tensors"].size(); ++i) {
    const Json& a = production["tensors"][i];
    const Json& b = calibrated["tensors"][i];
    EXPECT_EQ(a["name"], b["name"]);
    EXPECT_EQ(a["count"], b["count"]);
    // The runtime fuses sums into convolutions in one of them, which moves last bits.
    const double tolerance = 1e-5 * (1.0 + b["max"].get<double>() - b["min"].get<double>());
    EXPECT_NEAR(a["max"].get<double>(), b["max"].get<double>(), tolerance);
    EXPECT_NEAR(a["min"].get<double>(), b["min"].get<double>(), tolerance);
  }
}

TEST_F(Production, RunsThatAreNotCountedAreThoseOfTheModel) {
  instrument({"--every", "4"});
  const ProgramRun observed = host({"exit", "12"});
  const ProgramRun plain = host({"exit", "12"}, {}, kModel);
  ASSERT_EQ(observed.exit_code, 0) << observed.err;
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  std::istringstream a(observed.out);
  std::istringstream b(plain.out);
  std::string line;
  std::string expected;
  for (int i = 0; std::getline(a, line) && std::getline(b, expected); ++i) {
    if (i % 4 != 0) {
      EXPECT_EQ(line, expected);
    }
  }
  const Json stats = show(statistics().at(0));
  EXPECT_EQ(stats["summary"]["production"]["runs"], 12);
  EXPECT_EQ(stats["summary"]["production"]["counted_runs"], 3);
  EXPECT_EQ(stats["summary"]["samples"], 3);
}

TEST_F(Production, TheEnvironmentChangesHowOftenAndWhere) {
  instrument({"--every", "1"});
  ASSERT_EQ(
      host({"exit", "9", "3"}, {"PTQ_OBSERVE_EVERY=2", "PTQ_OBSERVE_FILE=here.ptqstats"}).exit_code,
      0);
  EXPECT_EQ(statistics(), std::vector<std::string>{"here.ptqstats"});
  EXPECT_EQ(show("here.ptqstats")["summary"]["production"]["counted_runs"], 5);
  ASSERT_EQ(host({"exit", "9"}, {"PTQ_OBSERVE_EVERY=0"}).exit_code, 0);
  ASSERT_EQ(host({"exit", "9"}, {"PTQ_OBSERVE_FILE="}).exit_code, 0);
  EXPECT_THAT(statistics(), SizeIs(1));
  const ProgramRun wrong = host({"exit", "4"}, {"PTQ_OBSERVE_EVERY=often"});
  EXPECT_EQ(wrong.exit_code, 0);
  EXPECT_THAT(wrong.err, HasSubstr("ptq_observe: PTQ_OBSERVE_EVERY"));
}

TEST_F(Production, SurvivesAKillByItsLastWrite) {
  instrument({"--every", "1"});
  const ProgramRun run = host({"kill", "6"}, {"PTQ_OBSERVE_FLUSH=1"});
  EXPECT_EQ(run.exit_code, 128 + 9);
  ASSERT_THAT(statistics(), SizeIs(1)) << run.err;
  EXPECT_GT(show(statistics()[0])["summary"]["samples"].get<int>(), 0);
}

TEST_F(Production, WritesWhenAsked) {
  instrument({"--every", "1"});
  const ProgramRun run = host({"quick", "5"}, {"PTQ_OBSERVE_FLUSH=0"});
  EXPECT_EQ(run.out, "1 files ''\n");
  EXPECT_EQ(statistics(), std::vector<std::string>{"asked.ptqstats"});
  EXPECT_EQ(show("asked.ptqstats")["summary"]["samples"], 5);
}

TEST_F(Production, AChildCountsForItself) {
  instrument({"--every", "1"});
  ASSERT_EQ(host({"fork", "4"}).exit_code, 0);
  ASSERT_THAT(statistics(), SizeIs(2));
  std::vector<int> samples = {show(statistics()[0])["summary"]["samples"].get<int>(),
                              show(statistics()[1])["summary"]["samples"].get<int>()};
  std::ranges::sort(samples);
  EXPECT_THAT(samples, ElementsAre(1, 4));
}

TEST_F(Production, ForgetsAndCountsAnew) {
  instrument({"--every", "3"});
  ASSERT_EQ(host({"reset", "9"}, {"PTQ_OBSERVE_FILE=r.ptqstats"}).exit_code, 0);
  EXPECT_EQ(show("r.ptqstats")["summary"]["production"]["runs"], 2);
  EXPECT_EQ(show("r.ptqstats")["summary"]["samples"], 2);
}

TEST_F(Production, ProcessesNeverShareAFileAndAreMerged) {
  instrument({"--every", "1"});
  const std::vector<std::string> same = {"PTQ_OBSERVE_FILE=same.ptqstats"};
  ASSERT_EQ(host({"exit", "6"}, same).exit_code, 0);
  ASSERT_EQ(host({"exit", "5", "2"}, same).exit_code, 0);
  const std::vector<std::string> files = statistics();
  ASSERT_THAT(files, SizeIs(2));
  const ProgramRun merged = ptq({"merge", files[0], files[1], "-o", "all"});
  ASSERT_EQ(merged.exit_code, 0) << merged.err;
  const Json all = show("all");
  EXPECT_EQ(all["summary"]["samples"], 11);
  EXPECT_EQ(all["summary"]["production"]["different_samples"], 6);
  calibrate("4", "calibrated");
  EXPECT_EQ(ptq({"merge", "all", "calibrated", "-o", "mixed"}).exit_code, 3);
}

TEST_F(Production, AFolderThatCannotBeWrittenIsSaidOnce) {
  instrument({"--every", "1"});
  const ProgramRun run =
      host({"exit", "6"}, {"PTQ_OBSERVE_FILE=no/such/folder/x.ptqstats", "PTQ_OBSERVE_FLUSH=1"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
  EXPECT_THAT(run.err, HasSubstr("ptq_observe: cannot create a file beside"));
}

TEST_F(Production, IsComparedWithACalibration) {
  instrument({"--every", "1", "--stats-file", "p.ptqstats"});
  ASSERT_EQ(host({"exit", "20"}).exit_code, 0);
  calibrate("8", "a");
  const ProgramRun run =
      ptq({"coverage", "--calibration", "a", "--production", "p.ptqstats", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json production = Json::parse(run.out)["summary"]["production"];
  EXPECT_EQ(production["observed"], true);
  EXPECT_EQ(production["different_samples"], 20);
  EXPECT_EQ(production["samples_in_calibration"], 8);
  EXPECT_EQ(production["repeated_samples"], 0);
  // Usable as the source of ranges, but not in silence.
  const ProgramRun quantized = ptq({"quantize", kModel, "--stats", "p.ptqstats", "-o", "q.onnx"});
  EXPECT_EQ(quantized.exit_code, 0) << quantized.err;
  EXPECT_THAT(quantized.err, HasSubstr("observed in production (20 of 20 runs)"));
}

TEST_F(Production, PartOfTheTensorsIsEnoughForAComparison) {
  instrument({"--every", "1", "--stats-file", "p.ptqstats", "--tensors", "stem/*"});
  ASSERT_EQ(host({"exit", "4"}).exit_code, 0);
  EXPECT_THAT(show("p.ptqstats")["tensors"], SizeIs(1));
  calibrate("8", "a");
  const ProgramRun run = ptq({"coverage", "--calibration", "a", "--production", "p.ptqstats"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("tensors were not observed in production"));
  EXPECT_EQ(ptq({"quantize", kModel, "--stats", "p.ptqstats", "-o", "q.onnx"}).exit_code, 3);
}

TEST_F(Production, RefusesWhatCannotBeMeant) {
  instrument();
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& why) {
    const ProgramRun run = ptq(arguments);
    EXPECT_THAT(run.err, HasSubstr(why));
    return run.exit_code;
  };
  EXPECT_EQ(refused({"instrument", "none.onnx", "-o", "x.onnx"}, "none.onnx"), 3);
  EXPECT_EQ(refused({"instrument", "m.obs.onnx", "-o", "x.onnx"}, "is instrumented"), 3);
  EXPECT_EQ(refused({"calibrate", "m.obs.onnx", "--data", kCalib, "-o", "x"}, "is instrumented"),
            3);
  EXPECT_EQ(refused({"instrument", kModel, "-o", "x.onnx", "--every", "0"}, "--every"), 2);
  EXPECT_EQ(refused({"instrument", kModel, "-o", "x.onnx", "--tensors", "zz*"}, "zz*"), 2);
  EXPECT_EQ(refused({"instrument", kModel, "-o", "x.onnx", "--mask-input", "m"}, "no input 'm'"),
            2);
  EXPECT_EQ(refused({"instrument", kModel, "-o", "m.obs.onnx"}, "exists"), 2);
  EXPECT_EQ(refused({"instrument", kModel, "-o", kModel, "--force"}, "is the input"), 2);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("x.onnx")));
  // Statistics of another model.
  ASSERT_EQ(host({"exit", "2"}, {"PTQ_OBSERVE_FILE=p.ptqstats"}).exit_code, 0);
  const ProgramRun other = ptq({"calibrate", data_file("fashion_vit.onnx"), "--data", kCalib,
                                "--samples", "2", "-o", "vit"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_EQ(refused({"coverage", "--calibration", "vit", "--production", "p.ptqstats"},
                    "statistics of one model"),
            3);
}

}  // namespace
}  // namespace ptq::testing
