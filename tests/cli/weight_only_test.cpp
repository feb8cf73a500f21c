// ptq quantize --weight-only, as a user types it.

#include <algorithm>
#include <filesystem>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"
#include "onnx_io/read.h"
#include "onnx_io/text_model.h"
#include "onnx_io/write.h"

namespace ptq::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kVit = data_file("fashion_vit.onnx");
const std::string kTest = data_file("fashion_test.npz");

TEST(WeightOnly, FourBitsRunAsFusedProductsAndHoldTheOutputs) {
  const TemporaryFolder folder;
  for (const std::string format : {"qdq", "matmulnbits"}) {
    const ProgramRun run = run_ptq({"quantize", kVit, "--group", "32", "--weight-format", format,
                                    "-o", format + ".onnx", "--format", "json"},
                                   folder.path());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json report = Json::parse(run.out);
    EXPECT_EQ(report["schema"], "ptq.quantize_weights/1");
    EXPECT_EQ(report["summary"]["runtime_asked"], true);
    EXPECT_GT(report["summary"]["runtime_fused"], 10);
    EXPECT_THAT(report["summary"]["runtime_unfused"], IsEmpty());
    EXPECT_LT(report["summary"]["bits_per_weight"], 6.5);
    EXPECT_EQ(report["summary"]["size_bytes"],
              std::filesystem::file_size(folder.file(format + ".onnx")));
    for (const Json& weight : report["weights"]) {
      EXPECT_GT(weight["sqnr_db"], 15.0);
      EXPECT_FALSE(weight["reason"].get<std::string>().empty());
    }
    const ProgramRun validate = run_ptq({"validate", kVit, format + ".onnx", "--data", kTest,
                                         "--samples", "64", "--min-sqnr", "15"},
                                        folder.path());
    EXPECT_EQ(validate.exit_code, 0) << validate.out << validate.err;
  }
}

TEST(WeightOnly, ThreadsDoNotChangeAByte) {
  const TemporaryFolder folder;
  for (const std::string threads : {"1", "3"}) {
    ASSERT_EQ(
        run_ptq({"quantize", kVit, "--weight-only", "--threads", threads, "-o", threads + ".onnx"},
                folder.path())
            .exit_code,
        0);
  }
  EXPECT_EQ(read_file(folder.file("1.onnx")), read_file(folder.file("3.onnx")));
}

TEST(WeightOnly, EightBitsAreSymmetricByChannelWhenAsked) {
  const TemporaryFolder folder;
  const ProgramRun run = run_ptq({"quantize", kVit, "--weights", "int8", "--group", "per-channel",
                                  "-o", "q.onnx", "--format", "json"},
                                 folder.path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_GT(report["weights"].size(), 10U);
  for (const Json& weight : report["weights"]) {
    EXPECT_EQ(weight["group"], 0);
    EXPECT_EQ(weight["symmetric"], true);
    EXPECT_GT(weight["sqnr_db"], 35.0);
  }
}

std::string write_text_model(const TemporaryFolder& folder, const std::string& name,
                             const std::string& weight, const std::string& nodes) {
  const Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]> m (float[N,64] x) => "
      "(float[N,32] y) <float[64,32] w = {" +
      weight + "}> {" + nodes + "}");
  write_model(model, folder.file(name));
  return name;
}

std::string values(const std::string& first) {
  std::string out = first;
  for (int i = 1; i < 64 * 32; ++i) {
    out += "," + std::to_string(0.01 * (i % 37 - 18));
  }
  return out;
}

TEST(WeightOnly, RulesAndKeptNodesDecideByName) {
  const TemporaryFolder folder;
  write_text_model(folder, "m.onnx", values("0.5"), "y = MatMul (x, w)");
  const auto report = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"quantize", "m.onnx",  "--group",  "32",  "-o",
                                          "q.onnx",   "--force", "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramRun run = run_ptq(arguments, folder.path());
    return Json::parse(run.out);
  };
  EXPECT_EQ(report({})["weights"][0]["dtype"], "int8");  // it makes the output
  EXPECT_EQ(report({"--same-bits"})["weights"][0]["dtype"], "int4");
  EXPECT_EQ(report({"--weight-rule", "y=uint4"})["weights"][0]["dtype"], "uint4");
  EXPECT_EQ(report({"--weight-rule", "y=uint4", "--weight-rule", "*=int4"})["weights"][0]["dtype"],
            "int4");
  EXPECT_EQ(report({"--keep-float", "y"})["status"], "fail");
}

TEST(WeightOnly, RefusesWhatItCannotDo) {
  const TemporaryFolder folder;
  write_text_model(folder, "m.onnx", values("0.5"), "y = MatMul (x, w)");
  struct Refusal {
    std::vector<std::string> arguments;
    int exit_code;
    std::string words;
  };
  const std::vector<Refusal> refusals = {
      {{"--group", "48"}, 2, "16, 32, 64, 128"},
      {{"--group", "none"}, 2, "per-channel"},
      {{"--group", "32", "--weights", "int8-7bit"}, 2, "int8-7bit"},
      {{"--group", "32", "--data", kTest}, 2, "no samples"},
      {{"--group", "32", "--weight-rule", "nothing=int8"}, 2, "nothing"},
      {{"--group", "32", "--weight-rule", "y=int3"}, 2, "PATTERN"},
      {{"--group", "32", "--keep-float", "nothing"}, 2, "nothing"},
      {{"--group", "32", "--symmetric", "--asymmetric"}, 2, "symmetric"},
      {{"--group", "32", "--save-recipe", "r.toml"}, 2, "recipe"},
      {{"--weights", "int4"}, 2, "--group"},
  };
  for (const Refusal& refusal : refusals) {
    std::vector<std::string> arguments = {"quantize", "m.onnx", "-o", "q.onnx"};
    arguments.insert(arguments.end(), refusal.arguments.begin(), refusal.arguments.end());
    const ProgramRun run = run_ptq(arguments, folder.path());
    EXPECT_EQ(run.exit_code, refusal.exit_code) << refusal.words << run.err;
    EXPECT_THAT(run.err, HasSubstr(refusal.words));
  }
  EXPECT_THAT(folder.list(), ElementsAre("m.onnx"));
}

TEST(WeightOnly, NumbersThatAreNoneLeaveNoFile) {
  const TemporaryFolder folder;
  Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]> m (float[N,64] x) => "
      "(float[N,32] y) <float[64,32] w = {" +
      values("0.5") + "}> { y = MatMul (x, w) }");
  model.graph.initializers[0].tensor.mutable_data<float>()[70] =
      std::numeric_limits<float>::quiet_NaN();
  write_model(model, folder.file("m.onnx"));
  const ProgramRun run =
      run_ptq({"quantize", "m.onnx", "--group", "32", "-o", "q.onnx"}, folder.path());
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("weight w"));
  EXPECT_THAT(run.err, HasSubstr("[2, 6]"));
  EXPECT_THAT(folder.list(), ElementsAre("m.onnx"));
}

// ONNX Runtime has next to no bfloat16 kernels on processors: the file is written, and said to be
// unproven.
TEST(WeightOnly, ShortFloatsKeepTheirTypeInScales) {
  const TemporaryFolder folder;
  for (const bool half : {true, false}) {
    const std::string type = half ? "float16" : "bfloat16";
    Model model = parse_text_model("<ir_version: 8, opset_import: [\"\" : 13]> m (" + type +
                                   "[N,64] x) => (" + type + "[N,32] y) <float[64,32] w = {" +
                                   values("0.5") + "}> { y = MatMul (x, w) }");
    Tensor& weight = model.graph.initializers[0].tensor;
    Tensor narrow(half ? DType::kFloat16 : DType::kBfloat16, {64, 32});
    for (size_t i = 1; i < narrow.mutable_bytes().size(); i += 2) {
      narrow.mutable_bytes()[i] = static_cast<std::byte>(0x30 + i % 13 + (i % 4 == 1 ? 0x80 : 0));
    }
    weight = narrow;
    write_model(model, folder.file("m.onnx"));
    const ProgramRun run = run_ptq({"quantize", "m.onnx", "--group", "32", "--same-bits", "-o",
                                    "q.onnx", "--force", "--format", "json"},
                                   folder.path());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json report = Json::parse(run.out);
    EXPECT_EQ(report["summary"]["runtime_asked"], half);
    EXPECT_EQ(report["summary"]["bits_per_weight"], 4.0 + 16.0 / 32.0 + 4.0 / 32.0);
    const Model written = read_model(folder.file("q.onnx"));
    EXPECT_TRUE(std::ranges::any_of(written.graph.initializers, [&](const Constant& constant) {
      return constant.tensor.dtype() == narrow.dtype() && constant.tensor.size() == 64;
    }));
  }
}

// With 8-bit weights in small groups the runtime's own rounding of activations is what is left.
TEST(WeightOnly, ValidationWarnsWhereTheRuntimeRoundsMoreThanTheWeights) {
  const TemporaryFolder folder;
  const auto findings = [&](const std::vector<std::string>& form,
                            const std::vector<std::string>& level) {
    std::vector<std::string> quantize = {"quantize", kVit, "--force", "-o", "q.onnx"};
    quantize.insert(quantize.end(), form.begin(), form.end());
    EXPECT_EQ(run_ptq(quantize, folder.path()).exit_code, 0);
    std::vector<std::string> validate = {"validate",  kVit, "q.onnx",   "--data", kTest,
                                         "--samples", "32", "--format", "json"};
    validate.insert(validate.end(), level.begin(), level.end());
    std::string codes;
    const Json report = Json::parse(run_ptq(validate, folder.path()).out);
    for (const Json& finding : report["findings"]) {
      codes += finding["code"].get<std::string>() + " ";
    }
    return codes;
  };
  const std::vector<std::string> fine = {"--weights", "int8", "--group", "16"};
  EXPECT_THAT(findings(fine, {}), HasSubstr("PTQ-G301"));
  EXPECT_THAT(findings(fine, {"--accuracy-level", "4"}), HasSubstr("PTQ-G301"));
  EXPECT_THAT(findings(fine, {"--accuracy-level", "0"}), Not(HasSubstr("PTQ-G301")));
  EXPECT_THAT(findings({"--group", "32"}, {}), Not(HasSubstr("PTQ-G301")));
}

TEST(WeightOnly, AQuantizedModelIsRefused) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_ptq({"quantize", kVit, "--group", "32", "-o", "q.onnx"}, folder.path()).exit_code,
            0);
  const ProgramRun again =
      run_ptq({"quantize", "q.onnx", "--group", "32", "-o", "r.onnx"}, folder.path());
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_THAT(again.err, HasSubstr("already quantized"));
}

}  // namespace
}  // namespace ptq::testing
