// ptq select and ptq coverage --pool on the networks of data/, as a user types them.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/random_images.h"
#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");
const std::string kTest = data_file("fashion_test.npz");

TEST(Select, WritesAListThatCalibrationReads) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq({"select", kModel, "--pool", kTest, "--samples", "200", "-n", "12",
                                  "-o", "l.txt", "--format", "json", "--threads", "2"},
                                 folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["schema"], "ptq.select/1");
  EXPECT_EQ(report["summary"]["pool_samples"], 200);
  EXPECT_EQ(report["samples"].size(), 12U);
  EXPECT_GT(report["summary"]["extremes_percent"], 95.0);
  EXPECT_GT(report["summary"]["bytes_per_sample"], 72);
  const std::string list = read_file(folder.file("l.txt"));
  EXPECT_THAT(list, HasSubstr("fashion_test.npz#"));
  const ProgramRun calibrate =
      run_ptq({"calibrate", kModel, "--data", "@l.txt", "-o", "a.ptqstats", "--format", "json"},
              folder.path());
  ASSERT_EQ(calibrate.exit_code, 0) << calibrate.err;
  EXPECT_EQ(Json::parse(calibrate.out)["summary"]["samples"], 12);
  ASSERT_EQ(run_ptq({"select", kModel, "--pool", kTest, "--samples", "200", "-n", "12", "-o",
                     "again.txt", "--threads", "1"},
                    folder.path())
                .exit_code,
            0);
  EXPECT_EQ(read_file(folder.file("again.txt")), list);
}

// The chosen samples hold more of the pool's range than the first as many.
TEST(Select, CoversMoreThanTheFirstSamples) {
  const TemporaryFolder folder;
  const auto ratio = [&](const std::vector<std::string>& data) {
    std::vector<std::string> arguments = {"calibrate", kModel, "-o", "a.ptqstats", "--force"};
    arguments.insert(arguments.end(), data.begin(), data.end());
    EXPECT_EQ(run_ptq(arguments, folder.path()).exit_code, 0);
    const ProgramRun run = run_ptq({"coverage", "--calibration", "a.ptqstats", "--production",
                                    "all.ptqstats", "--format", "json"},
                                   folder.path());
    return Json::parse(run.out)["summary"]["mean_beyond_absmax_percent"].get<double>();
  };
  ASSERT_EQ(
      run_ptq({"calibrate", kModel, "--data", kTest, "--samples", "300", "-o", "all.ptqstats"},
              folder.path())
          .exit_code,
      0);
  ASSERT_EQ(
      run_ptq({"select", kModel, "--pool", kTest, "--samples", "300", "-n", "16", "-o", "l.txt"},
              folder.path())
          .exit_code,
      0);
  EXPECT_LT(10.0 * ratio({"--data", "@l.txt"}), ratio({"--data", kTest, "--samples", "16"}));
}

TEST(Select, TakesSomeOfEveryStratum) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("pool"));
  write_batches(folder.file("pool/noise"), random_images(3), 1);
  fs::create_directory(folder.file("pool/clothes"));
  fs::copy_file(kCalib, folder.file("pool/clothes/c.npz"));
  const ProgramRun run = run_ptq(
      {"select", kModel, "--pool", "pool", "-n", "20", "-o", "pool/l.txt", "--format", "json"},
      folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  ASSERT_EQ(report["strata"].size(), 2U);
  EXPECT_EQ(report["strata"][1]["name"], "noise");
  EXPECT_EQ(report["strata"][1]["chosen"], 1);
  EXPECT_EQ(report["strata"][0]["chosen"], 19);
  EXPECT_THAT(read_file(folder.file("pool/l.txt")), HasSubstr("noise/"));
  const ProgramRun outside =
      run_ptq({"select", kModel, "--pool", "pool", "-n", "20", "-o", "l.txt"}, folder.path());
  EXPECT_THAT(outside.err, HasSubstr("other strata"));
}

TEST(Select, WritesNothingWhereItCannotChoose) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("empty"));
  const auto select = [&](const std::string& pool, const std::string& count) {
    const ProgramRun run =
        run_ptq({"select", kModel, "--pool", pool, "-n", count, "-o", "l.txt"}, folder.path());
    EXPECT_THAT(folder.list(), Not(Contains(HasSubstr("l.txt"))));
    return run;
  };
  EXPECT_EQ(select("empty", "4").exit_code, 3);
  const ProgramRun few = select(kCalib, "100000");
  EXPECT_EQ(few.exit_code, 3);
  EXPECT_THAT(few.err, HasSubstr("expected a pool of at least 100000 samples, found"));
  EXPECT_EQ(select(kCalib, "0").exit_code, 2);
  EXPECT_EQ(select("image=" + kCalib, "4").exit_code, 2);
  folder.write("l.txt", "mine");
  EXPECT_EQ(run_ptq({"select", kModel, "--pool", kCalib, "-n", "4", "-o", "l.txt"}, folder.path())
                .exit_code,
            2);
  EXPECT_EQ(read_file(folder.file("l.txt")), "mine");
}

// Calibration on few samples, production of noise; the pool holds some of it.
TEST(CoveragePool, FindsTheSamplesThatCloseGaps) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("pool"));
  fs::create_directory(folder.file("pool/clothes"));
  fs::copy_file(kCalib, folder.file("pool/clothes/c.npz"));
  write_batches(folder.file("pool/noise"), random_images(4), 1);
  write_batches(folder.file("production"), random_images(16), 16);
  const auto calibrate = [&](const std::string& data, const std::string& out) {
    EXPECT_EQ(
        run_ptq({"calibrate", kModel, "--data", data, "--samples", "64", "-o", out}, folder.path())
            .exit_code,
        0);
  };
  calibrate(kCalib, "a.ptqstats");
  calibrate("production", "b.ptqstats");
  const std::vector<std::string> base = {
      "coverage", "--calibration", "a.ptqstats", "--production", "b.ptqstats", "--format", "json"};
  const auto with_pool = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return run_ptq(more, folder.path());
  };
  const ProgramRun run = with_pool({"--pool", "pool", "--model", kModel, "-o", "pool/more.txt"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json pool = Json::parse(run.out)["pool"];
  EXPECT_GT(pool["exceeded_sides"], 0);
  EXPECT_GT(pool["closed_percent"], 50.0);
  EXPECT_GE(pool["closed_percent"].get<double>(),
            0.9 * pool["closed_by_pool_percent"].get<double>());
  calibrate("@pool/more.txt", "more.ptqstats");
  ASSERT_EQ(run_ptq({"merge", "a.ptqstats", "more.ptqstats", "-o", "a2.ptqstats"}, folder.path())
                .exit_code,
            0);
  const ProgramRun after = run_ptq({"coverage", "--calibration", "a2.ptqstats", "--production",
                                    "b.ptqstats", "--format", "json"},
                                   folder.path());
  EXPECT_LT(Json::parse(after.out)["summary"]["mean_beyond_absmax_percent"],
            Json::parse(run.out)["summary"]["mean_beyond_absmax_percent"]);

  EXPECT_EQ(with_pool({"--pool", "pool"}).exit_code, 2);
  EXPECT_EQ(with_pool({"--pool", "pool", "--model", data_file("fashion_vit.onnx"), "-o", "x.txt"})
                .exit_code,
            3);
  EXPECT_THAT(folder.list(), Not(Contains(HasSubstr("x.txt"))));
}

TEST(CalibrationSet, DiagnoseSaysWhetherSamplesAreEnough) {
  const TemporaryFolder folder;
  fs::create_directories(folder.file("pool/clothes"));
  fs::copy_file(kCalib, folder.file("pool/clothes/c.npz"));
  const std::vector<float> black(static_cast<size_t>(4 * kPixels), 0.0F);
  write_batches(folder.file("pool/black"), black, 4);
  const auto set = [&](const std::vector<std::string>& data) {
    std::vector<std::string> arguments = {"diagnose", kModel, "--format", "json"};
    arguments.insert(arguments.end(), data.begin(), data.end());
    const ProgramRun run = run_ptq(arguments, folder.path());
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return Json::parse(run.out)["calibration_set"];
  };
  const Json found = set({"--data", "pool"});
  EXPECT_EQ(found["duplicates"], 3);
  EXPECT_FALSE(found["convergence"].empty());
  std::vector<std::string> codes;
  for (const Json& finding : found["findings"]) {
    codes.push_back(finding["code"]);
  }
  EXPECT_THAT(codes, Contains("PTQ-V302"));
  EXPECT_THAT(codes, Contains("PTQ-V201"));
  const Json few = set({"--data", kCalib, "--samples", "5"});
  for (const Json& tensor : few["convergence"]) {
    EXPECT_FALSE(tensor["enough"]);
    EXPECT_EQ(tensor["more_samples"], 11);
  }
  // Growth is a property of single samples, which batches do not show.
  EXPECT_TRUE(set({"--data", kCalib, "--batch", "4"})["convergence"].empty());
  EXPECT_EQ(set({"--data", kCalib, "--threads", "1"}), set({"--data", kCalib, "--threads", "3"}));
}

}  // namespace
}  // namespace ptq::testing
