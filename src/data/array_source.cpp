// Samples from npz and npy files. A file is streamed: one sample of each array is in memory at a
// time.

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "data/array_file.h"
#include "data/array_fit.h"
#include "data/labels.h"
#include "data/sample_check.h"
#include "data/sample_reader.h"
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

// One open file: its arrays side by side, cut into samples.
class FileCursor {
 public:
  FileCursor(const DataFile& file, int64_t sequence, const std::vector<InputSpec>& inputs,
             const DataOptions& options)
      : where_(path_text(file.path)),
        name_(file.path.filename().string()),
        stratum_(file.stratum),
        sequence_(sequence),
        allow_nonfinite_(options.allow_nonfinite),
        file_(open_array_file(file.path)) {
    const bool unnamed = file_->keys().size() == 1 && file_->keys()[0].empty();
    check_keys(unnamed, inputs);
    for (const InputSpec& spec : inputs) {
      open_column(spec, unnamed ? std::string() : spec.name);
    }
    if (samples_ == 0) {
      samples_ = 1;  // scalars alone
    }
    if (bytes_ == 0) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("{}: the arrays hold no values at all, their shapes contain a 0", where_));
    }
    if (!options.label_key.empty()) {
      open_labels(options.label_key);
    }
  }

  int64_t samples() const { return samples_; }
  bool done() const { return next_ == samples_; }

  Sample read() {
    Sample sample;
    sample.origin = samples_ == 1 ? name_ : fmt::format("{}[{}]", name_, next_);
    sample.stratum = stratum_;
    sample.sequence = sequence_;
    for (Column& column : columns_) {
      sample.inputs.emplace(column.name, read_column(column));
    }
    if (labels_) {
      sample.label = label_values(labels_->read_rows(1), next_, labels_->where())[0];
    }
    ++next_;
    return sample;
  }

 private:
  struct Column {
    std::string name;
    ArrayFit fit;
    std::unique_ptr<NpyReader> reader;
    Tensor every_sample;  // a scalar, once read
  };

  void check_keys(bool unnamed, const std::vector<InputSpec>& inputs) const {
    if (unnamed && inputs.size() != 1) {
      throw Error(ErrorCode::kInput,
                  fmt::format("{}: an npy array carries no name, but the model has {} inputs; save "
                              "an npz file with a key for each: {}",
                              where_, inputs.size(), wanted_text(inputs)));
    }
    const std::vector<std::string>& keys = file_->keys();
    for (const InputSpec& spec : inputs) {
      if (!unnamed && std::find(keys.begin(), keys.end(), spec.name) == keys.end()) {
        throw Error(
            ErrorCode::kInput,
            fmt::format("{}: no array for model input '{}': expected keys {}, found {}; name "
                        "the arrays as the model's inputs, "
                        "numpy.savez(path, **{{\"{}\": x}})",
                        where_, printable(spec.name), wanted_text(inputs), keys_text(keys),
                        printable(spec.name)));
      }
    }
  }

  static std::string wanted_text(const std::vector<InputSpec>& inputs) {
    std::string text;
    for (const InputSpec& spec : inputs) {
      text += (text.empty() ? "" : ", ") + spec_text(spec);
    }
    return text;
  }

  void open_column(const InputSpec& spec, const std::string& key) {
    Column column;
    column.name = spec.name;
    column.reader = file_->open_array(key);
    const NpyHeader& header = column.reader->header();
    column.fit = fit_array(spec, header.dtype, header.shape, column.reader->where());
    if (!column.fit.to_every_sample() && samples_ != 0 && column.fit.samples != samples_) {
      throw Error(ErrorCode::kInput,
                  fmt::format("{}: array {} gives {} samples, but '{}' gives {}; axis 0 is the "
                              "sample axis and must agree in all arrays of a file",
                              column.reader->where(), shape_text(header.shape), column.fit.samples,
                              printable(counted_by_), samples_));
    }
    if (!column.fit.to_every_sample() && samples_ == 0) {
      samples_ = column.fit.samples;
      counted_by_ = spec.name;
    }
    bytes_ += header.payload_bytes;
    columns_.push_back(std::move(column));
  }

  void open_labels(const std::string& key) {
    const std::vector<std::string>& keys = file_->keys();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw Error(ErrorCode::kInput, fmt::format("{}: no labels: expected key '{}', found {}",
                                                 where_, printable(key), keys_text(keys)));
    }
    labels_ = file_->open_array(key);
    const NpyHeader& header = labels_->header();
    if (!is_integer_type(header.dtype) || header.shape.size() != 1 || header.shape[0] != samples_) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("{}: expected integer labels of shape [{}], one a sample, found {} {}",
                      labels_->where(), samples_, dtype_name(header.dtype),
                      shape_text(header.shape)));
    }
  }

  Tensor read_column(Column& column) {
    NpyReader& reader = *column.reader;
    const bool scalar = column.fit.to_every_sample();
    if (scalar && next_ > 0) {
      return column.every_sample;
    }
    Tensor tensor = column.fit.rows == 0 ? reader.read_whole() : reader.read_rows(column.fit.rows);
    check_values(tensor, next_ * column.fit.rows, allow_nonfinite_, reader.where());
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

  std::string where_;
  std::string name_;
  std::string stratum_;
  int64_t sequence_;
  bool allow_nonfinite_;
  std::unique_ptr<ArrayFile> file_;
  std::vector<Column> columns_;
  std::unique_ptr<NpyReader> labels_;
  int64_t samples_ = 0;
  std::string counted_by_;  // the input that set samples_
  uint64_t bytes_ = 0;
  int64_t next_ = 0;
};

class ArrayFileReader : public SampleReader {
 public:
  ArrayFileReader(std::vector<DataFile> files, std::vector<InputSpec> inputs,
                  const DataOptions& options)
      : inputs_(std::move(inputs)), options_(options) {
    const int64_t limit =
        options.max_samples > 0 ? options.max_samples : std::numeric_limits<int64_t>::max();
    for (DataFile& file : files) {
      const int64_t samples = FileCursor(file, 0, inputs_, options_).samples();
      files_.push_back({std::move(file), samples});
      total_ += std::min(samples, limit - total_);
      if (total_ == limit) {
        break;
      }
    }
  }

  size_t size() const override { return static_cast<size_t>(total_); }

  std::optional<Sample> read() override {
    if (given_ == total_) {
      cursor_.reset();
      return std::nullopt;
    }
    if (!cursor_ || cursor_->done()) {
      const FileEntry& entry = files_[next_file_];
      cursor_ = std::make_unique<FileCursor>(entry.file, static_cast<int64_t>(next_file_), inputs_,
                                             options_);
      ++next_file_;
      if (cursor_->samples() != entry.samples) {
        throw Error(ErrorCode::kInput,
                    fmt::format("{}: held {} samples at first, holds {} now; leave the data alone "
                                "during a run",
                                path_text(entry.file.path), entry.samples, cursor_->samples()));
      }
    }
    ++given_;
    return cursor_->read();
  }

 private:
  struct FileEntry {
    DataFile file;
    int64_t samples = 0;
  };

  std::vector<InputSpec> inputs_;
  DataOptions options_;
  std::vector<FileEntry> files_;
  std::unique_ptr<FileCursor> cursor_;
  size_t next_file_ = 0;
  int64_t total_ = 0;
  int64_t given_ = 0;
};

}  // namespace

std::unique_ptr<SampleReader> read_array_files(std::vector<DataFile> files,
                                               std::vector<InputSpec> inputs,
                                               const DataOptions& options) {
  return std::make_unique<ArrayFileReader>(std::move(files), std::move(inputs), options);
}

}  // namespace ptq
