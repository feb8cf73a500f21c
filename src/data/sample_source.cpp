#include "data/sample_source.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "data/data_listing.h"
#include "data/formats.h"
#include "data/row_reader.h"
#include "data/sample_check.h"
#include "data/sample_reader.h"
#include "ptq/error.h"

namespace ptq {
namespace {

class CheckedSource : public SampleSource {
 public:
  explicit CheckedSource(std::unique_ptr<SampleReader> reader) : reader_(std::move(reader)) {}

  size_t size() const override { return reader_->size(); }

  std::optional<Sample> next() override {
    std::optional<Sample> sample = reader_->read();
    if (sample) {
      oddities_.add(*sample);
      ++strata_[sample->stratum];
    }
    return sample;
  }

  void skip() override { reader_->skip(); }

  std::vector<std::string> warnings() const override {
    std::vector<std::string> warnings = oddities_.warnings();
    std::ranges::move(reader_->warnings(), std::back_inserter(warnings));
    return warnings;
  }

  std::map<std::string, int64_t> strata() const override { return strata_; }

  std::string preprocessing() const override { return reader_->preprocessing(); }

 private:
  std::unique_ptr<SampleReader> reader_;
  SampleOddities oddities_;
  std::map<std::string, int64_t> strata_;
};

// Rows of the smallest initializer in which `input` looks up rows.
int64_t id_limit(const Graph& graph, const std::string& input) {
  int64_t limit = 0;
  for (const Node& node : graph.nodes) {
    if (!node.is("Gather") || node.inputs.size() != 2 || node.inputs[1] != input) {
      continue;
    }
    const auto table = std::ranges::find(graph.initializers, node.inputs[0], &Constant::name);
    const int64_t axis = node.int_attribute("axis", 0);
    if (table != graph.initializers.end() && axis >= 0 && axis < table->tensor.rank()) {
      const int64_t rows = table->tensor.shape()[static_cast<size_t>(axis)];
      limit = limit == 0 ? rows : std::min(limit, rows);
    }
  }
  return limit;
}

// An option that the format (null: mapped arrays) has no use for would be ignored in silence.
void check_options(const DataFormat* format, const DataOptions& options) {
  if (options.max_samples < 0 || options.pad_to < 0 || options.truncate < 0) {
    throw Error(ErrorCode::kUsage,
                fmt::format("expected numbers of samples and ids that are not negative, found {}",
                            std::min({options.max_samples, options.pad_to, options.truncate})));
  }
  const std::string_view found = format == nullptr ? "NAME=FILE" : format->name;
  if ((format == nullptr || !format->images) && (!options.image_spec.empty() || options.skip_bad)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("{} is for images, but the samples are {}",
                            options.skip_bad ? "--skip-bad" : "--image-spec", found));
  }
  if ((format == nullptr || !format->tokens) &&
      (options.pad_id || options.pad_to > 0 || options.truncate > 0)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("--pad-id, --pad-to and --truncate are for token ids in .jsonl, but "
                            "the samples are {}",
                            found));
  }
}

}  // namespace

std::vector<InputSpec> input_specs(const Graph& graph) {
  std::set<std::string_view> constants;
  for (const Constant& constant : graph.initializers) {
    constants.insert(constant.name);
  }
  std::vector<InputSpec> specs;
  for (const ValueInfo& value : graph.inputs) {
    if (!constants.contains(value.name)) {
      specs.push_back(
          {value.name, value.dtype, value.shape, value.has_shape, id_limit(graph, value.name)});
    }
  }
  return specs;
}

std::unique_ptr<SampleSource> open_data(const std::vector<std::string>& data,
                                        std::vector<InputSpec> inputs, const DataOptions& options) {
  if (inputs.empty()) {
    throw Error(ErrorCode::kInput, "the model has no inputs that data could feed");
  }
  std::vector<std::string> names;
  for (const InputSpec& spec : inputs) {
    names.push_back(spec.name);
  }
  if (!options.label_key.empty()) {
    names.push_back(options.label_key);
  }
  DataListing listing = list_data(data, names, !options.image_spec.empty());
  check_options(listing.format, options);
  if (std::ranges::any_of(listing.files,
                          [](const DataFile& file) { return file.row.has_value(); })) {
    return std::make_unique<CheckedSource>(
        read_rows(*listing.format, std::move(listing.files), std::move(inputs), options));
  }
  return std::make_unique<CheckedSource>(
      listing.format != nullptr
          ? listing.format->open(std::move(listing.files), std::move(inputs), options)
          : read_mapped_arrays(std::move(listing.mapped), std::move(inputs), options));
}

}  // namespace ptq
