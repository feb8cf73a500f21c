// ptq validate on quantized networks of data/, sound ones and ones that were broken on purpose.

#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"
#include "onnx_io/read.h"
#include "onnx_io/write.h"
#include "ptq/graph.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kModel = data_file("fashion_resnet.onnx");
const std::string kCalib = data_file("fashion_calib.npz");
const std::string kTest = data_file("fashion_test.npz");

// The residual network and its quantized form, made once.
class GateRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    const ProgramRun run =
        run_ptq({"quantize", kModel, "--data", kCalib, "-o", "q.onnx"}, folder_->path());
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  // q.onnx after `change`, written beside it.
  static std::string changed(const std::string& name, const std::function<void(Model&)>& change,
                             const std::string& from = "q.onnx") {
    Model model = read_model(from == "q.onnx" ? folder_->file(from) : from);
    change(model);
    write_model(model, folder_->file(name));
    return name;
  }

  static ProgramRun validate(std::vector<std::string> more, const std::string& fp32 = kModel) {
    std::vector<std::string> all = {"validate", fp32};
    all.insert(all.end(), more.begin(), more.end());
    return run_ptq(all, folder_->path());
  }

  static Json document(const std::vector<std::string>& more, int exit_code,
                       const std::string& fp32 = kModel) {
    std::vector<std::string> all = more;
    all.insert(all.end(), {"--format", "json"});
    const ProgramRun run = validate(all, fp32);
    EXPECT_EQ(run.exit_code, exit_code) << run.out << run.err;
    return Json::parse(run.out);
  }

  static const TemporaryFolder& folder() { return *folder_; }

 private:
  static TemporaryFolder* folder_;
};

TemporaryFolder* GateRun::folder_ = nullptr;

Constant* find_constant(Model& model, const std::string& name) {
  const auto found = std::ranges::find(model.graph.initializers, name, &Constant::name);
  return found == model.graph.initializers.end() ? nullptr : &*found;
}

// The node that dequantizes the weight of the n-th Conv.
Node& weight_node(Model& model, size_t n) {
  for (Node& node : model.graph.nodes) {
    if (node.op_type == "Conv" && n-- == 0) {
      const auto dequantize = std::ranges::find_if(model.graph.nodes, [&](const Node& other) {
        return other.outputs.at(0) == node.inputs.at(1);
      });
      return *dequantize;
    }
  }
  throw std::runtime_error("no such Conv");
}

Json gate_of(const Json& report, const std::string& name) {
  for (const Json& gate : report["gates"]) {
    if (gate["name"] == name) {
      return gate;
    }
  }
  ADD_FAILURE() << "no gate " << name << " in " << report["gates"].dump(1);
  return Json::object();
}

TEST_F(GateRun, ASoundModelPassesEveryGate) {
  const Json report = document({"q.onnx",   "--data",           kTest,       "--labels",
                                "labels",   "--max-drop",       "1",         "--min-sqnr",
                                "25",       "--min-sqnr",       "logits=25", "--max-error",
                                "logits=2", "--min-agreement",  "98",        "--max-kl",
                                "0.01",     "--min-size-ratio", "3",         "--min-integer-share",
                                "0.95",     "--calibration",    kCalib,      "--forbid-overlap"},
                               0);
  EXPECT_EQ(report["summary"]["verdict"], "PASS");
  EXPECT_EQ(report["gates"].size(), 9U);
  for (const Json& gate : report["gates"]) {
    EXPECT_EQ(gate["outcome"], "pass") << gate.dump();
  }
  const Json& top1 = report["task"]["metrics"][0];
  EXPECT_EQ(top1["name"], "top1");
  EXPECT_EQ(top1["fp32"], 93.2);  // 1,864 of 2,000, as data/README.md says
  EXPECT_LT(top1["interval"]["lower"], top1["drop"]);
  EXPECT_GT(top1["interval"]["upper"], top1["drop"]);
  EXPECT_EQ(report["hygiene"]["overlap"], 0);
  EXPECT_EQ(report["hygiene"]["calibration_samples"], 256);
  EXPECT_EQ(report["settings"]["runtime_opt"], "all");
  EXPECT_EQ(report["environment"]["execution_provider"], "CPU");
  EXPECT_EQ(report["worst"].size(), 5U);
  EXPECT_EQ(report["worst"][0]["sample"], report["outputs"][0]["worst_sample"]);
  EXPECT_TRUE(report["findings"].empty());
}

TEST_F(GateRun, SaysTheSameForAnyNumberOfThreads) {
  Json one = document({"q.onnx", "--data", kTest, "--labels", "labels", "--threads", "1"}, 0);
  Json four = document({"q.onnx", "--data", kTest, "--labels", "labels", "--threads", "4"}, 0);
  one["settings"].erase("threads");
  four["settings"].erase("threads");
  EXPECT_EQ(one, four);
}

TEST_F(GateRun, TooFewSamplesAreInconclusive) {
  const std::vector<std::string> base = {"q.onnx",    "--data", kTest,        "--labels", "labels",
                                         "--samples", "64",     "--max-drop", "1"};
  const Json failed = document(base, 1);
  EXPECT_EQ(failed["summary"]["verdict"], "INCONCLUSIVE");
  const Json gate = gate_of(failed, "max-drop");
  EXPECT_EQ(gate["outcome"], "inconclusive");
  EXPECT_GT(gate["samples_needed"], 64);
  std::vector<std::string> warned = base;
  warned.insert(warned.end(), {"--on-inconclusive", "warn"});
  EXPECT_EQ(gate_of(document(warned, 0), "max-drop")["outcome"], "warn");
  std::vector<std::string> passed = base;
  passed.insert(passed.end(), {"--on-inconclusive", "pass"});
  EXPECT_EQ(document(passed, 0)["summary"]["verdict"], "PASS");
}

TEST_F(GateRun, LastLineIsTheVerdict) {
  const ProgramRun run =
      validate({"q.onnx", "--data", kTest, "--samples", "32", "--min-sqnr", "90"});
  EXPECT_EQ(run.exit_code, 1);
  const size_t last = run.out.find_last_of('\n', run.out.size() - 2);
  EXPECT_THAT(run.out.substr(last + 1), HasSubstr("FAIL validate q.onnx"));
  EXPECT_THAT(run.out, HasSubstr("min-sqnr  FAIL"));
}

TEST_F(GateRun, ADamagedWeightChannelIsNamed) {
  changed("damaged.onnx", [](Model& model) {
    const Node& node = weight_node(model, 2);
    Constant* codes = find_constant(model, node.inputs.at(0));
    ASSERT_NE(codes, nullptr);
    const auto channel = static_cast<size_t>(codes->tensor.size() / codes->tensor.shape()[0]);
    const std::span<std::byte> bytes = codes->tensor.mutable_bytes();
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(3 * channel),
              bytes.begin() + static_cast<std::ptrdiff_t>(4 * channel), std::byte{64});
  });
  const Json report = document({"damaged.onnx", "--data", kTest, "--labels", "labels", "--samples",
                                "256", "--min-sqnr", "30"},
                               1);
  EXPECT_EQ(report["summary"]["verdict"], "FAIL");
  EXPECT_THAT(gate_of(report, "weights")["text"].get<std::string>(),
              HasSubstr("damaged weight: channel 3 of "));
  EXPECT_THAT(gate_of(report, "min-sqnr")["cause"].get<std::string>(), HasSubstr("channel 3 of "));
}

TEST_F(GateRun, SaturatedActivationsAreNamed) {
  std::string value;
  changed("saturated.onnx", [&](Model& model) {
    // The scale of an inner activation becomes a sixteenth, in its pair.
    size_t seen = 0;
    for (const Node& node : model.graph.nodes) {
      if (node.op_type == "QuantizeLinear" && ++seen == 4) {
        Constant* scale = find_constant(model, node.inputs.at(1));
        ASSERT_NE(scale, nullptr);
        scale->tensor.mutable_data<float>()[0] /= 16.0F;
        for (const Node& reader : model.graph.nodes) {
          if (reader.op_type == "DequantizeLinear" && reader.inputs[0] == node.outputs[0]) {
            value = node.inputs[0];
            Constant* other = find_constant(model, reader.inputs[1]);
            if (other != scale) {
              other->tensor.mutable_data<float>()[0] /= 16.0F;
            }
          }
        }
      }
    }
  });
  ASSERT_FALSE(value.empty());
  const Json report =
      document({"saturated.onnx", "--data", kTest, "--labels", "labels", "--samples", "256"}, 1);
  EXPECT_THAT(gate_of(report, "activations")["text"].get<std::string>(),
              HasSubstr("activation " + value + " is cut off by its codes"));
}

TEST_F(GateRun, NanOutputsFailWithoutAnyLimit) {
  changed("nan.onnx", [](Model& model) {
    Node& last = model.graph.nodes.back();
    const std::string output = last.outputs.at(0);
    last.outputs[0] = "before_nan";
    model.graph.initializers.push_back(
        {.name = "nan", .tensor = Tensor::scalar(std::numeric_limits<float>::quiet_NaN())});
    model.graph.nodes.push_back(
        {.op_type = "Mul", .inputs = {"before_nan", "nan"}, .outputs = {output}});
  });
  const Json report =
      document({"nan.onnx", "--data", kTest, "--labels", "labels", "--samples", "64"}, 1);
  EXPECT_THAT(gate_of(report, "finite")["text"].get<std::string>(),
              HasSubstr("output logits of the quantized model holds 640 NaN"));
}

// Both models with a second output of the same shape.
void add_output(Model& model) {
  model.graph.nodes.push_back(
      {.op_type = "Softmax", .inputs = {"logits"}, .outputs = {"probabilities"}});
  model.graph.outputs.push_back({.name = "probabilities",
                                 .dtype = DType::kFloat,
                                 .has_shape = true,
                                 .shape = {-1, 10},
                                 .symbols = {"N", ""}});
}

TEST_F(GateRun, OutputsInAnotherOrderFail) {
  changed("two.onnx", add_output, kModel);
  const std::string fp32 = folder().file("two.onnx");
  changed("two_q.onnx", add_output);
  document({"two_q.onnx", "--data", kTest, "--samples", "64", "--min-sqnr", "20"}, 0, fp32);
  changed("order.onnx", [](Model& model) {
    add_output(model);
    std::swap(model.graph.outputs[0], model.graph.outputs[1]);
  });
  const Json order = document({"order.onnx", "--data", kTest, "--samples", "64"}, 1, fp32);
  EXPECT_THAT(gate_of(order, "outputs")["text"].get<std::string>(),
              HasSubstr("the outputs come in another order: FP32 has [logits, probabilities]"));
  EXPECT_GT(order["outputs"][0]["sqnr_db"], 20.0);  // compared by name all the same
}

TEST_F(GateRun, OutputsWhoseNamesWereExchangedFail) {
  changed("two.onnx", add_output, kModel);
  changed("exchanged.onnx", [](Model& model) {
    add_output(model);
    for (Node& node : model.graph.nodes) {
      for (std::vector<std::string>* names : {&node.inputs, &node.outputs}) {
        for (std::string& name : *names) {
          name = name == "logits" ? "probabilities" : name == "probabilities" ? "logits" : name;
        }
      }
    }
  });
  const Json report = document({"exchanged.onnx", "--data", kTest, "--samples", "64"}, 1,
                               folder().file("two.onnx"));
  EXPECT_THAT(gate_of(report, "outputs")["text"].get<std::string>(),
              HasSubstr("the outputs logits and probabilities have changed places"));
}

TEST_F(GateRun, AnOutputOfAnotherShapeFails) {
  changed("shape.onnx", [](Model& model) {
    Node& last = model.graph.nodes.back();
    last.outputs[0] = "before_axis";
    model.graph.initializers.push_back(
        {.name = "axes", .tensor = Tensor::from<int64_t>({1}, std::vector<int64_t>{1})});
    model.graph.nodes.push_back(
        {.op_type = "Unsqueeze", .inputs = {"before_axis", "axes"}, .outputs = {"logits"}});
    model.graph.outputs[0].shape = {-1, 1, 10};
    model.graph.outputs[0].symbols = {"N", "", ""};
    model.graph.outputs[0].verbatim.clear();
  });
  const Json report =
      document({"shape.onnx", "--data", kTest, "--labels", "labels", "--samples", "16"}, 1);
  EXPECT_THAT(gate_of(report, "outputs")["text"].get<std::string>(),
              HasSubstr("output logits has shape [1,10] in the FP32 model and [1,1,10]"));
}

TEST_F(GateRun, OverlapWithTheCalibrationIsFoundByHash) {
  const Json tolerated =
      document({"q.onnx", "--data", kCalib, "--samples", "40", "--calibration", kCalib}, 0);
  EXPECT_EQ(tolerated["hygiene"]["overlap"], 40);
  EXPECT_EQ(tolerated["hygiene"]["overlapping"][0], "fashion_calib.npz[0]");
  ASSERT_EQ(run_ptq({"calibrate", kModel, "--data", kCalib, "-o", "s.ptqstats", "--force"},
                    folder().path())
                .exit_code,
            0);
  const Json forbidden = document(
      {"q.onnx", "--data", kCalib, "--samples", "40", "--stats", "s.ptqstats", "--forbid-overlap"},
      1);
  EXPECT_EQ(gate_of(forbidden, "forbid-overlap")["outcome"], "fail");
  const ProgramRun unknown =
      validate({"q.onnx", "--data", kCalib, "--samples", "40", "--forbid-overlap"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("give --stats FILE or --calibration SAMPLES"));
}

TEST_F(GateRun, ABaselineIsARatchet) {
  ASSERT_EQ(validate({"q.onnx", "--data", kTest, "--samples", "200", "--labels", "labels",
                      "--json-out", "v.json"})
                .exit_code,
            0);
  const std::vector<std::string> again = {"q.onnx",   "--data", kTest,        "--samples", "200",
                                          "--labels", "labels", "--baseline", "v.json"};
  EXPECT_EQ(gate_of(document(again, 0), "max-regression")["outcome"], "pass");
  Json document_of = Json::parse(read_file(folder().file("v.json")));
  document_of["outputs"][0]["sqnr_db"] = document_of["outputs"][0]["sqnr_db"].get<double>() + 0.4;
  folder().write("better.json", document_of.dump());
  std::vector<std::string> stricter = again;
  stricter.back() = "better.json";
  EXPECT_EQ(gate_of(document(stricter, 1), "max-regression")["outcome"], "fail");
  stricter.insert(stricter.end(), {"--max-regression", "0.5dB"});
  EXPECT_EQ(gate_of(document(stricter, 0), "max-regression")["outcome"], "pass");
  stricter.back() = "2points";
  const Json points = document(stricter, 0);
  EXPECT_EQ(gate_of(points, "max-regression")["target"], "top1");
  folder().write("none.json", "{}");
  stricter = {"q.onnx", "--data", kTest, "--baseline", "none.json"};
  EXPECT_EQ(validate(stricter).exit_code, 3);
}

TEST_F(GateRun, AUsersProgramMayJudge) {
  const Json passed = document({"q.onnx", "--data", kTest, "--samples", "8", "--evaluate",
                                "test -f {model} && echo 0.5", "--max-drop", "0.1"},
                               0);
  EXPECT_EQ(passed["task"]["metrics"][0]["name"], "evaluate");
  EXPECT_EQ(passed["task"]["metrics"][0]["interval"], nullptr);
  const Json failed = document({"q.onnx", "--data", kTest, "--samples", "8", "--evaluate",
                                "case {model} in q.onnx) echo 2;; *) echo 1;; esac",
                                "--lower-is-better", "--max-drop", "0.5"},
                               1);
  EXPECT_EQ(gate_of(failed, "max-drop")["measured"], 1.0);
  const ProgramRun broken =
      validate({"q.onnx", "--data", kTest, "--samples", "8", "--evaluate", "false {model}"});
  EXPECT_EQ(broken.exit_code, 4);
  EXPECT_THAT(broken.err, HasSubstr("ended with status 1"));
}

TEST_F(GateRun, DumpedSamplesCanBeReadAgain) {
  std::filesystem::create_directory(folder().file("worst"));
  const Json report = document(
      {"q.onnx", "--data", kTest, "--samples", "200", "--worst", "2", "--dump-worst", "worst"}, 0);
  ASSERT_EQ(report["worst"].size(), 2U);
  const Json again = document({"q.onnx", "--data", report["worst"][0]["file"]}, 0);
  EXPECT_EQ(again["outputs"][0]["sqnr_db"], report["worst"][0]["sqnr_db"]);
  EXPECT_EQ(validate({"q.onnx", "--data", kTest, "--dump-worst", "nowhere"}).exit_code, 2);
}

TEST_F(GateRun, TheSameModelIsLossless) {
  const Json report = document({kModel, "--data", kTest, "--samples", "300", "--labels", "labels",
                                "--max-drop", "1", "--runtime-opt", "basic"},
                               0);
  EXPECT_EQ(report["outputs"][0]["sqnr_db"], "Infinity");
  EXPECT_EQ(report["decisions"]["kl_mean_nats"], 0.0);
  EXPECT_EQ(report["settings"]["runtime_opt"], "basic");
}

TEST_F(GateRun, RefusesWhatCannotBeJudged) {
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& what) {
    std::vector<std::string> all = {"q.onnx", "--data", kTest, "--samples", "8"};
    all.insert(all.end(), more.begin(), more.end());
    const ProgramRun run = validate(all);
    EXPECT_EQ(run.exit_code, code) << run.err;
    EXPECT_THAT(run.err, HasSubstr(what));
  };
  refused({"--task", "clasification", "--labels", "labels"}, 2, "did you mean classification?");
  refused({"--task", "regression"}, 2, "--task regression needs labels");
  refused({"--labels", "labels", "--metric", "map"}, 2,
          "there is no metric of task classification");
  refused({"--max-drop", "much"}, 2, "expected a number");
  refused({"--min-sqnr", "logit=20"}, 2, "did you mean logits?");
  refused({"--max-regression", "1dB"}, 2, "needs --baseline");
  refused({"--evaluate", "echo 1"}, 2, "{model}");
  refused({"--task", "detection", "--labels", "labels"}, 3, "expected labelled boxes of shape");
}

TEST_F(GateRun, LayersNameWhereTheErrorComesFrom) {
  // The codes of one inner product lose all but the coarsest of their steps.
  size_t position = 0;
  std::string spoilt;
  changed("coarse.onnx", [&](Model& model) {
    for (const Node& node : model.graph.nodes) {
      if (node.op_type != "Conv" || ++position != 4) {
        continue;
      }
      spoilt = node.name.empty() ? node.outputs[0] : node.name;
      for (Node& other : model.graph.nodes) {
        if (!other.outputs.empty() && other.outputs[0] == node.inputs[1]) {
          for (Constant& constant : model.graph.initializers) {
            if (constant.name == other.inputs[0]) {
              for (int8_t& code : constant.tensor.mutable_data<int8_t>()) {
                code = static_cast<int8_t>(code / 64 * 64);
              }
            }
          }
        }
      }
    }
  });
  const Json report =
      document({"coarse.onnx", "--data", kTest, "--samples", "24", "--layers", "--worst", "0"}, 0);
  ASSERT_GE(report["layers"].size(), 5U);
  const auto alone = [](const Json& row) {
    return row["alone_sqnr_db"].is_number() ? row["alone_sqnr_db"].get<double>() : 1e9;
  };
  const Json& worst =
      *std::min_element(report["layers"].begin(), report["layers"].end(),
                        [&](const Json& a, const Json& b) { return alone(a) < alone(b); });
  EXPECT_EQ(report["layer_summary"]["exclude"][0], worst["name"]);
  EXPECT_EQ(report["layer_summary"]["samples"], 24);
  EXPECT_GT(report["layer_summary"]["sqnr_db_without"].get<double>(),
            report["layer_summary"]["sqnr_db"].get<double>());
  for (const Json& row : report["layers"]) {
    EXPECT_TRUE(row["sqnr_db"].is_number()) << row;
  }
  const ProgramRun run = validate({"coarse.onnx", "--data", kTest, "--samples", "8", "--layers"});
  EXPECT_THAT(run.out, HasSubstr("--keep-float " + worst["name"].get<std::string>()));
}

TEST_F(GateRun, LayersOfAFileWithoutCodesAreRefused) {
  const ProgramRun run = validate({kModel, "--data", kTest, "--samples", "8", "--layers"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("--layers: expected Q/DQ pairs"));
}

}  // namespace
}  // namespace ptq::testing
