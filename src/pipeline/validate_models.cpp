#include <filesystem>

#include <fmt/format.h>

#include "data/labels.h"
#include "data/sample_source.h"
#include "onnx_io/read.h"
#include "pipeline/open_samples.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "validate/compare.h"

namespace ptq {
namespace {

// Labels from a file of their own, handed out with the samples in order.
class LabelledSource : public SampleSource {
 public:
  LabelledSource(std::unique_ptr<SampleSource> inner, std::vector<int64_t> labels)
      : inner_(std::move(inner)), labels_(std::move(labels)) {}

  std::optional<Sample> next() override {
    std::optional<Sample> sample = inner_->next();
    if (sample) {
      sample->label = labels_.at(position_++);
    }
    return sample;
  }
  size_t size() const override { return inner_->size(); }
  std::vector<std::string> warnings() const override { return inner_->warnings(); }
  std::map<std::string, int64_t> strata() const override { return inner_->strata(); }
  std::string preprocessing() const override { return inner_->preprocessing(); }

 private:
  std::unique_ptr<SampleSource> inner_;
  std::vector<int64_t> labels_;
  size_t position_ = 0;
};

bool is_label_file(const std::string& labels) {
  return labels.ends_with(".csv") || labels.ends_with(".npy");
}

std::unique_ptr<SampleSource> open_labelled(const Model& model, const DataRequest& data,
                                            const std::string& labels) {
  if (labels.empty() || !is_label_file(labels)) {
    DataRequest with_key = data;
    with_key.options.label_key = labels;
    return open_samples(model, with_key);
  }
  std::unique_ptr<SampleSource> source = open_samples(model, data);
  std::vector<int64_t> values = read_labels(labels);
  const bool enough = values.size() == source->size() ||
                      (data.options.max_samples > 0 && values.size() > source->size());
  if (!enough) {
    throw Error(ErrorCode::kInput, fmt::format("{} has {} labels for {} samples", printable(labels),
                                               values.size(), source->size()));
  }
  return std::make_unique<LabelledSource>(std::move(source), std::move(values));
}

}  // namespace

Validation validate_models(const std::filesystem::path& fp32,
                           const std::filesystem::path& quantized, const DataRequest& data,
                           const std::string& labels, const ValidationLimits& limits) {
  if (limits.max_drop && labels.empty()) {
    throw Error(ErrorCode::kUsage, "--max-drop needs labels: give --labels KEY or --labels FILE");
  }
  const Model reference = read_model(fp32);
  read_model(quantized);  // our own checks come before the runtime sees the bytes
  const std::unique_ptr<SampleSource> source = open_labelled(reference, data, labels);
  const Session a = Session::from_path(fp32, {});
  const Session b = Session::from_path(quantized, {});
  Validation validation = compare_models(
      a, b, *source, {.threads = data.threads, .progress = data.progress, .stop = data.stop});
  apply_gates(limits, validation);
  return validation;
}

}  // namespace ptq
