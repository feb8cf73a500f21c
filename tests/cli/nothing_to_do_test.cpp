// A model none of whose nodes can run in integers: not an error of the input, but no success
// either.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"
#include "onnx_io/text_model.h"
#include "onnx_io/write.h"

namespace ptq::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

void write_float_only_model(const TemporaryFolder& folder) {
  write_model(parse_text_model("<ir_version: 8, opset_import: [\"\" : 13]>\n"
                               "g (float[N,4] x, float[4,4] w) => (float[N,4] y)\n"
                               "{ a = Tanh(x)\n b = Tanh(a)\n y = Erf(b) }"),
              folder.file("float.onnx"));
}

TEST(NothingToDo, EveryStepListsTheOperatorsAndWritesNothing) {
  const TemporaryFolder folder;
  write_float_only_model(folder);
  const std::string data = data_file("fashion_calib.npz");  // never looked at
  const std::vector<std::vector<std::string>> commands = {
      {"quantize", "float.onnx", "--data", data, "-o", "out.onnx"},
      {"calibrate", "float.onnx", "--data", data, "-o", "out.ptqstats"},
      {"instrument", "float.onnx", "-o", "out.onnx"},
      {"diagnose", "float.onnx", "--data", data}};
  for (const std::vector<std::string>& command : commands) {
    const ProgramRun run = run_ptq(command, folder.path());
    EXPECT_EQ(run.exit_code, 1) << run.err;
    EXPECT_EQ(run.err, "");
    EXPECT_THAT(run.out, HasSubstr("FAIL " + command[0] + " float.onnx  none of 3 nodes"));
    EXPECT_THAT(run.out, HasSubstr("2  Tanh      ONNX Runtime has no integer kernel"));
    EXPECT_THAT(run.out, HasSubstr("1  Erf "));
    EXPECT_THAT(folder.list(), ElementsAre("float.onnx"));
  }
}

TEST(NothingToDo, JsonHasTheDecisions) {
  const TemporaryFolder folder;
  write_float_only_model(folder);
  const ProgramRun run =
      run_ptq({"quantize", "float.onnx", "--data", "any", "--format", "json"}, folder.path());
  EXPECT_EQ(run.exit_code, 1);
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["status"], "fail");
  EXPECT_EQ(report["summary"]["nodes_integer"], 0);
  ASSERT_EQ(report["decisions"].size(), 3U);
  EXPECT_EQ(report["decisions"][0]["outcome"], "float");
}

}  // namespace
}  // namespace ptq::testing
