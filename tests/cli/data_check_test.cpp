// ptq data check, and how every verb takes the forms of samples.

#include <cmath>
#include <cstring>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"
#include "data/npy_writer.h"

namespace ptq::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");

// Images as raw bytes, all different.
std::string images(size_t count) {
  std::vector<float> values(count * 28 * 28);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((i * 37) % 256);
  }
  return bytes_of(values);
}

TEST(DataCheck, ReportsWithoutTheRuntimeLibrary) {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_ptq({"data", "check", kModel, "--data", kCalib, "--samples", "20", "--format", "json"},
              folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json document = json::parse(run.out);
  EXPECT_EQ(document["schema"], "ptq.data_check/1");
  EXPECT_EQ(document["status"], "pass");
  EXPECT_FALSE(document.contains("environment"));  // that of the runtime
  EXPECT_EQ(document["summary"]["samples"], 20);
  EXPECT_EQ(document["summary"]["fingerprint"].get<std::string>().size(), 64U);
  ASSERT_EQ(document["inputs_seen"].size(), 1U);
  EXPECT_EQ(document["inputs_seen"][0]["type"], "float32");
  EXPECT_EQ(document["inputs_seen"][0]["shapes"][0]["samples"], 20);
  EXPECT_TRUE(document["findings"].empty());
}

TEST(DataCheck, WarningsFailOnlyWhenAsked) {
  const TemporaryFolder folder;
  const std::vector<std::string> few = {"data", "check",     kModel, "--data",
                                        kCalib, "--samples", "2"};
  const ProgramRun plain = run_ptq(few, folder.path());
  EXPECT_EQ(plain.exit_code, 0);
  EXPECT_THAT(plain.out, AllOf(HasSubstr("warning: only 2 samples"), HasSubstr("[PTQ-S101]"),
                               HasSubstr("PASS data check")));
  std::vector<std::string> strict = few;
  strict.insert(strict.end(), {"--fail-on", "warning"});
  const ProgramRun gated = run_ptq(strict, folder.path());
  EXPECT_EQ(gated.exit_code, 1);
  EXPECT_THAT(gated.out, HasSubstr("FAIL data check"));
}

TEST(DataCheck, CollectsWhatIsWrongAndRefuses) {
  const TemporaryFolder folder;
  std::string bytes = images(20);
  const float nan = std::nanf("");
  std::memcpy(bytes.data() + 5 * 784 * 4, &nan, 4);
  std::memcpy(bytes.data() + 9 * 784 * 4, &nan, 4);
  folder.write("x.bin", bytes);
  const json inspected = json::parse(
      run_ptq({"inspect", kModel, "--format", "json"}, folder.path()).out)["graph_inputs"];
  const std::string input = inspected[0]["name"];
  const ProgramRun run = run_ptq(
      {"data", "check", kModel, "--data", input + "=x.bin,f32,?x1x28x28", "--format", "json"},
      folder.path());
  EXPECT_EQ(run.exit_code, 3);
  const json document = json::parse(run.out);
  EXPECT_EQ(document["status"], "error");
  EXPECT_EQ(document["summary"]["samples"], 20);
  ASSERT_FALSE(document["findings"].empty());
  EXPECT_EQ(document["findings"][0]["code"], "PTQ-S016");
  EXPECT_THAT(document["findings"][0]["message"].get<std::string>(),
              AllOf(HasSubstr("in 2 sample(s)"), HasSubstr("x.bin[5]")));
  // A file that turns out to be damaged while it is read is a finding as well.
  std::filesystem::create_directory(folder.file("d"));
  write_npz(folder.file("d/a.npz"), {{input, npy_text("<f4", {3, 1, 28, 28}, images(3))}});
  write_file(folder.file("d/b.npz"),
             zip_bytes({{.name = input + ".npy",
                         .content = npy_text("<f4", {1, 1, 28, 28}, images(1)),
                         .wrong_crc = true}}));
  const ProgramRun damaged = run_ptq({"data", "check", kModel, "--data", "d"}, folder.path());
  EXPECT_EQ(damaged.exit_code, 3);
  EXPECT_THAT(damaged.out, AllOf(HasSubstr("3 samples"), HasSubstr("reading ended early"),
                                 HasSubstr("PTQ-S007"), HasSubstr("FAIL data check")));
}

TEST(DataCheck, ErrorsCarryTheirCodeInJson) {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_ptq({"calibrate", kModel, "--data", "nowhere/*.npz", "--format", "json"}, folder.path());
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(json::parse(run.out)["code"], "PTQ-S002");
}

TEST(DataCheck, MistypedVerbsOfAGroupAreNamed) {
  const TemporaryFolder folder;
  const ProgramRun wrong = run_ptq({"data", "chek"}, folder.path());
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("there is no verb 'data chek'; did you mean 'data check'?"));
  EXPECT_EQ(run_ptq({"data"}, folder.path()).exit_code, 2);
  EXPECT_EQ(run_ptq({"data", "--help"}, folder.path()).exit_code, 0);
  EXPECT_THAT(run_ptq({"data", "check", kModel, "--dta", "x"}, folder.path()).err,
              HasSubstr("did you mean --data?"));
}

TEST(SampleForms, GiveTheSameStatistics) {
  const TemporaryFolder folder;
  write_npz(folder.file("a.npz"), {{"image", npy_text("<f4", {4, 1, 28, 28}, images(4))}});
  const json inspected = json::parse(
      run_ptq({"inspect", kModel, "--format", "json"}, folder.path()).out)["graph_inputs"];
  const std::string input = inspected[0]["name"];
  write_npz(folder.file("a.npz"), {{input, npy_text("<f4", {4, 1, 28, 28}, images(4))}});
  folder.write("x.bin", images(4));
  const ProgramRun first =
      run_ptq({"calibrate", kModel, "--data", "a.npz", "-o", "a.ptqstats"}, folder.path());
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const ProgramRun second =
      run_ptq({"calibrate", kModel, "--data", input + "=x.bin,f32,4x1x28x28", "-o", "b.ptqstats"},
              folder.path());
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(read_file(folder.file("a.ptqstats")), read_file(folder.file("b.ptqstats")));
  // An output that is one of the samples is refused, however it was named.
  for (const std::string& data : {std::string("*.bin"), input + "=x.bin,f32,4x1x28x28"}) {
    const ProgramRun run =
        run_ptq({"calibrate", kModel, "--data", data, "-o", "x.bin", "--force"}, folder.path());
    EXPECT_EQ(run.exit_code, 2) << run.err;
  }
  EXPECT_EQ(read_file(folder.file("x.bin")), images(4));
}

}  // namespace
}  // namespace ptq::testing
