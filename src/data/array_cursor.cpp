#include "data/array_cursor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/labels.h"
#include "data/npy_header.h"
#include "data/sample_check.h"
#include "ptq/error.h"

namespace ptq {
namespace {

std::string keys_text(const std::vector<std::string>& keys) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < std::min(keys.size(), kShown); ++i) {
    text += fmt::format("{}'{}'", i == 0 ? "" : ", ", printable(keys[i], 60));
  }
  if (keys.size() > kShown) {
    text += fmt::format(" and {} more", keys.size() - kShown);
  }
  return text.empty() ? "none" : text;
}

bool has_key(const ArrayFile& file, const std::string& key) {
  return std::ranges::find(file.keys(), key) != file.keys().end();
}

bool is_unnamed(const ArrayFile& file) {
  return file.keys().size() == 1 && file.keys()[0].empty();
}

// The inputs that the arrays are to feed: all but optional ones that are not there.
std::vector<InputSpec> wanted_inputs(const std::vector<InputSpec>& inputs, const ArrayFile& file,
                                     const DataOptions& options) {
  std::vector<InputSpec> wanted;
  std::ranges::copy_if(inputs, std::back_inserter(wanted), [&](const InputSpec& spec) {
    return std::ranges::find(options.optional_inputs, spec.name) == options.optional_inputs.end() ||
           has_key(file, spec.name);
  });
  return wanted;
}

}  // namespace

ArrayCursor::ArrayCursor(const ArraySource& source, int64_t sequence,
                         const std::vector<InputSpec>& inputs, const DataOptions& options)
    : where_(source.where),
      name_(source.name),
      stratum_(source.stratum),
      sequence_(sequence),
      allow_nonfinite_(options.allow_nonfinite),
      file_(source.open()) {
  const std::vector<InputSpec> wanted = wanted_inputs(inputs, *file_, options);
  check_keys(wanted);
  const bool unnamed = is_unnamed(*file_);
  for (const InputSpec& spec : wanted) {
    open_column(spec, unnamed ? std::string() : spec.name, options.drop_last);
  }
  if (samples_ == 0) {
    samples_ = 1;  // scalars alone
  }
  if (bytes_ == 0) {
    refuse_data(DataFinding::kNoSamples, where_,
                "the arrays hold no values at all, their shapes contain a 0");
  }
  if (!options.label_key.empty()) {
    open_labels(options.label_key, options.label_arrays);
  }
}

Sample ArrayCursor::read() {
  Sample sample;
  sample.origin = samples_ == 1 ? name_ : fmt::format("{}[{}]", name_, next_);
  sample.stratum = stratum_;
  sample.sequence = sequence_;
  for (Column& column : columns_) {
    sample.inputs.emplace(column.spec.name, read_column(column));
  }
  if (labels_ && label_arrays_) {
    sample.target = without_sample_axis(labels_->read_rows(1));
  } else if (labels_) {
    sample.label = label_values(labels_->read_rows(1), next_, labels_->where())[0];
  }
  finish_sample();
  return sample;
}

void ArrayCursor::skip() {
  for (Column& column : columns_) {
    if (column.fit.to_every_sample()) {
      read_column(column);
    } else if (column.fit.rows > 0) {
      column.reader->skip_rows(column.fit.rows);
    }
  }
  if (labels_) {
    labels_->skip_rows(1);
  }
  finish_sample();
}

void ArrayCursor::finish_sample() {
  if (++next_ < samples_) {
    return;
  }
  for (Column& column : columns_) {
    if (column.fit.dropped_rows > 0) {
      column.reader->skip_rows(column.fit.dropped_rows);  // up to the check of the end
    }
  }
}

void ArrayCursor::check_keys(const std::vector<InputSpec>& inputs) const {
  if (is_unnamed(*file_)) {
    if (inputs.size() != 1) {
      refuse_data(DataFinding::kMissingInput, where_,
                  fmt::format("an npy array carries no name, but the model has {} inputs; name a "
                              "file for each with --data NAME=FILE, or save an npz file with a "
                              "key for each: {}",
                              inputs.size(), specs_text(inputs)));
    }
    return;
  }
  for (const InputSpec& spec : inputs) {
    if (!has_key(*file_, spec.name)) {
      refuse_data(DataFinding::kMissingInput, where_,
                  fmt::format("no array for model input '{}': expected keys {}, found {}; name "
                              "the arrays as the model's inputs, "
                              "numpy.savez(path, **{{\"{}\": x}}), or feed a state back with "
                              "--state OUTPUT={}",
                              printable(spec.name), specs_text(inputs), keys_text(file_->keys()),
                              printable(spec.name), printable(spec.name)));
    }
  }
}

void ArrayCursor::open_column(const InputSpec& spec, const std::string& key, bool drop_last) {
  Column column;
  column.spec = spec;
  column.reader = file_->open_array(key);
  const ArrayHeader& header = column.reader->header();
  column.fit = fit_array(spec, header.dtype, header.shape, column.reader->where(), drop_last);
  if (!column.fit.to_every_sample()) {
    if (samples_ == 0) {
      samples_ = column.fit.samples;
      dropped_rows_ = column.fit.dropped_rows;
      counted_by_ = spec.name;
    }
    if (column.fit.samples != samples_ || column.fit.dropped_rows != dropped_rows_) {
      refuse_data(DataFinding::kSamplesDisagree, column.reader->where(),
                  fmt::format("array {} gives {} samples{}, but '{}' gives {}; axis 0 is the "
                              "sample axis and must agree in all arrays of a file",
                              shape_text(header.shape), column.fit.samples,
                              column.fit.dropped_rows == dropped_rows_
                                  ? std::string()
                                  : fmt::format(" and {} rows more", column.fit.dropped_rows),
                              printable(counted_by_), samples_));
    }
  }
  bytes_ += header.payload_bytes;
  columns_.push_back(std::move(column));
}

void ArrayCursor::open_labels(const std::string& key, bool arrays) {
  if (!has_key(*file_, key)) {
    refuse_data(DataFinding::kBadLabels, where_,
                fmt::format("no labels: expected key '{}', found {}", printable(key),
                            keys_text(file_->keys())));
  }
  labels_ = file_->open_array(key);
  label_arrays_ = arrays;
  const ArrayHeader& header = labels_->header();
  if (arrays) {
    check_target_rows(header, samples_, labels_->where());
    return;
  }
  if (!is_integer_type(header.dtype) || header.shape.size() != 1 || header.shape[0] != samples_) {
    refuse_data(DataFinding::kBadLabels, labels_->where(),
                fmt::format("expected integer labels of shape [{}], one a sample, found {} {}",
                            samples_, dtype_name(header.dtype), shape_text(header.shape)));
  }
}

Tensor ArrayCursor::read_column(Column& column) {
  ArrayReader& reader = *column.reader;
  const bool scalar = column.fit.to_every_sample();
  if (scalar && next_ > 0) {
    return column.every_sample;
  }
  Tensor tensor = column.fit.rows == 0 ? reader.read_whole() : reader.read_rows(column.fit.rows);
  check_values(tensor, next_ * column.fit.rows, allow_nonfinite_, reader.where());
  check_ids(column.spec, tensor, next_ * column.fit.rows, reader.where());
  if (column.fit.add_axis) {
    Shape shape = tensor.shape();
    shape.insert(shape.begin(), 1);
    tensor = tensor.reshaped(std::move(shape));
  }
  if (scalar) {
    column.every_sample = tensor;
  }
  return tensor;
}

}  // namespace ptq
