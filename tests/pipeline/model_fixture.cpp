#include "pipeline/model_fixture.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "graph/model_index.h"
#include "onnx_io/text_model.h"
#include "onnx_io/write.h"
#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq::testing {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "ptq-pipeline-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct OutputErrors {
  double signal = 0.0;
  double noise = 0.0;
  double largest = 0.0;
  double worst = 0.0;
};

// Per output, over all samples.
std::vector<OutputErrors> errors_of(const Model& reference, const Model& other,
                                    const std::vector<Feeds>& samples) {
  const Session a = open_session(reference, {});
  const Session b = open_session(other, {});
  std::vector<OutputErrors> errors(a.outputs().size());
  for (const Feeds& feeds : samples) {
    const std::vector<Tensor> left = a.run(feeds);
    const std::vector<Tensor> right = b.run(feeds);
    for (size_t k = 0; k < left.size(); ++k) {
      EXPECT_EQ(left[k].dtype(), right.at(k).dtype());
      EXPECT_EQ(left[k].shape(), right[k].shape());
      const std::vector<float> x = to_floats(left[k]);
      const std::vector<float> y = to_floats(right[k]);
      for (size_t i = 0; i < x.size(); ++i) {
        const double error = static_cast<double>(x[i]) - static_cast<double>(y[i]);
        errors[k].signal += static_cast<double>(x[i]) * static_cast<double>(x[i]);
        errors[k].noise += error * error;
        errors[k].largest = std::max(errors[k].largest, std::abs(static_cast<double>(x[i])));
        errors[k].worst = std::max(errors[k].worst, std::abs(error));
      }
    }
  }
  return errors;
}

}  // namespace

std::string normal_text(const std::string& name, const Shape& shape, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::string dims;
  for (const int64_t dim : shape) {
    dims += fmt::format("{}{}", dims.empty() ? "" : ",", dim);
  }
  std::string values;
  for (int64_t i = 0; i < element_count(shape); ++i) {
    values += fmt::format("{}{:.6f}", values.empty() ? "" : ",", normal(generator));
  }
  return fmt::format("float[{}] {} = {{{}}}", dims, name, values);
}

Model text_model(const std::string& body, int64_t opset, int64_t ir_version) {
  return parse_text_model(
      fmt::format("<ir_version: {}, opset_import: [\"\" : {}]> g {}", ir_version, opset, body));
}

Feeds normal_feeds(const Model& model, uint32_t seed, const Feeds& fixed) {
  std::vector<ValueInfo> inputs;
  for (const ValueInfo& input : model.graph.inputs) {
    const bool has_default = std::ranges::any_of(
        model.graph.initializers, [&](const Constant& c) { return c.name == input.name; });
    if (!has_default && !fixed.contains(input.name)) {
      inputs.push_back(input);
    }
  }
  Feeds feeds = make_feeds(inputs, {}, seed);
  feeds.insert(fixed.begin(), fixed.end());
  return feeds;
}

QuantizedRun quantize_text_model(const Model& model, const std::vector<Feeds>& samples,
                                 const QuantizeRequest& request) {
  const Folder folder;
  const fs::path file = folder.path() / "model.onnx";
  write_model(model, file);
  write_samples(folder.path() / "samples", samples);
  QuantizedRun run;
  run.loaded = load_model(file);
  const ActivationStats stats =
      calibrate_model(run.loaded, request.target != nullptr ? *request.target : targets().front(),
                      request.keep_float,
                      {.data = {(folder.path() / "samples").string()}, .threads = 1}, run.warnings);
  run.result = quantize_model(run.loaded, stats, request);
  for (const OutputErrors& error : errors_of(model, run.loaded.model, samples)) {
    run.prepared_difference =
        std::max(run.prepared_difference, error.worst == 0.0 ? 0.0 : error.worst / error.largest);
  }
  run.sqnr_db = std::numeric_limits<double>::infinity();
  for (const OutputErrors& error : errors_of(model, run.result.model, samples)) {
    if (error.noise > 0.0) {
      run.sqnr_db = std::min(run.sqnr_db, 10.0 * std::log10(error.signal / error.noise));
    }
  }
  return run;
}

Decision decision_of(const QuantizedRun& run, const std::string& label) {
  for (const Decision& decision : all_decisions(run.result.plan)) {
    if (decision.label == label) {
      return decision;
    }
  }
  ADD_FAILURE() << "no node " << label;
  return {};
}

std::map<std::string, int> kernels_of(const Model& model) {
  const Model optimized = optimized_model(model, {});
  const ModelIndex index(optimized.graph);
  std::map<std::string, int> kernels;
  for (size_t k = 0; k < index.size(); ++k) {
    for (const Node& node : index[k].graph().nodes) {
      ++kernels[node.op_type];
    }
  }
  return kernels;
}

}  // namespace ptq::testing
