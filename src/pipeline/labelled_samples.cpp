#include "pipeline/labelled_samples.h"

#include <filesystem>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "data/array_file.h"
#include "data/box_table.h"
#include "data/labels.h"
#include "pipeline/open_samples.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// Puts a label onto each sample as it passes.
class LabelledSource : public SampleSource {
 public:
  using Attach = std::function<void(Sample& sample, size_t position)>;

  LabelledSource(std::unique_ptr<SampleSource> inner, Attach attach)
      : inner_(std::move(inner)), attach_(std::move(attach)) {}

  std::optional<Sample> next() override {
    std::optional<Sample> sample = inner_->next();
    if (sample) {
      attach_(*sample, position_++);
    }
    return sample;
  }
  size_t size() const override { return inner_->size(); }
  std::vector<std::string> warnings() const override { return inner_->warnings(); }
  std::map<std::string, int64_t> strata() const override { return inner_->strata(); }
  std::string preprocessing() const override { return inner_->preprocessing(); }

 private:
  std::unique_ptr<SampleSource> inner_;
  Attach attach_;
  size_t position_ = 0;
};

bool is_label_file(const std::string& labels) {
  return labels.ends_with(".csv") || labels.ends_with(".npy");
}

// With --samples the first labels are enough.
void check_count(uint64_t labels, const SampleSource& source, const DataRequest& data,
                 const std::string& path) {
  const bool enough =
      labels == source.size() || (data.options.max_samples > 0 && labels > source.size());
  if (!enough) {
    throw Error(ErrorCode::kInput, fmt::format("{} has {} labels for {} samples", printable(path),
                                               labels, source.size()));
  }
}

std::unique_ptr<SampleSource> with_classes(std::unique_ptr<SampleSource> source,
                                           const DataRequest& data, const std::string& path) {
  std::vector<int64_t> values = read_labels(path);
  check_count(values.size(), *source, data, path);
  return std::make_unique<LabelledSource>(
      std::move(source), [values = std::move(values)](Sample& sample, size_t position) {
        sample.label = values.at(position);
      });
}

std::unique_ptr<SampleSource> with_rows(std::unique_ptr<SampleSource> source,
                                        const DataRequest& data, const std::string& path) {
  if (path.ends_with(".csv")) {
    NumberTable table = read_number_table(path);
    check_count(table.rows.size(), *source, data, path);
    return std::make_unique<LabelledSource>(
        std::move(source), [table = std::move(table)](Sample& sample, size_t position) {
          const std::vector<float>& row = table.rows.at(position);
          sample.target =
              Tensor::from<float>({static_cast<int64_t>(row.size())}, std::span<const float>(row));
        });
  }
  std::shared_ptr<ArrayReader> rows = open_array_file(path)->open_array("");
  const ArrayHeader& header = rows->header();
  const int64_t count = header.shape.empty() ? 0 : header.shape[0];
  check_target_rows(header, count, rows->where());
  check_count(static_cast<uint64_t>(count), *source, data, path);
  return std::make_unique<LabelledSource>(std::move(source), [rows](Sample& sample, size_t) {
    sample.target = without_sample_axis(rows->read_rows(1));
  });
}

std::unique_ptr<SampleSource> with_boxes(std::unique_ptr<SampleSource> source,
                                         const std::string& path) {
  BoxTable table = read_box_table(path);
  return std::make_unique<LabelledSource>(
      std::move(source), [table = std::move(table), path](Sample& sample, size_t position) {
        // A table that names none of the samples would make every detection a false one.
        if (position == 0 && !table.names(sample.origin, position) && table.by_file) {
          throw Error(ErrorCode::kInput,
                      fmt::format("{} has no row for {}; expected its file name in the column "
                                  "file, or the column sample with positions from 0; a file "
                                  "without boxes has a row with an empty class",
                                  printable(path), printable(sample.origin)));
        }
        sample.target = table.of(sample.origin, position);
      });
}

}  // namespace

std::unique_ptr<SampleSource> open_labelled(const Model& model, const DataRequest& data,
                                            const TaskRow* task, const std::string& labels) {
  if (labels.empty()) {
    return open_samples(model, data);
  }
  const LabelForm form = task == nullptr ? LabelForm::kClass : task->labels;
  if (!is_label_file(labels)) {
    DataRequest with_key = data;
    with_key.options.label_key = labels;
    with_key.options.label_arrays = form != LabelForm::kClass;
    return open_samples(model, with_key);
  }
  std::unique_ptr<SampleSource> source = open_samples(model, data);
  switch (form) {
    case LabelForm::kClass:
      return with_classes(std::move(source), data, labels);
    case LabelForm::kBoxes:
      if (labels.ends_with(".csv")) {
        return with_boxes(std::move(source), labels);
      }
      break;
    case LabelForm::kTensor:
    case LabelForm::kOptionalTensor:
      break;
  }
  return with_rows(std::move(source), data, labels);
}

}  // namespace ptq
