#pragma once
// One set of arrays side by side, cut into samples along axis 0: an npz, npy or safetensors file,
// or the files of a mapping. Streams: one sample of each array is in memory at a time. One thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/array_file.h"
#include "data/array_fit.h"
#include "data/sample_source.h"

namespace ptq {

// Where a set of arrays comes from.
struct ArraySource {
  std::string where;  // begins each message: the path
  std::string name;   // for Sample::origin
  std::string stratum;
  std::function<std::unique_ptr<ArrayFile>()> open;
};

class ArrayCursor {
 public:
  // Opens the arrays and checks their heads. `sequence` becomes that of every sample. Throws
  // Error{kInput}.
  ArrayCursor(const ArraySource& source, int64_t sequence, const std::vector<InputSpec>& inputs,
              const DataOptions& options);

  int64_t samples() const { return samples_; }
  // Rows behind the last sample that are left out, with DataOptions::drop_last.
  int64_t dropped_rows() const { return dropped_rows_; }
  bool done() const { return next_ == samples_; }

  Sample read();
  void skip();

 private:
  struct Column {
    InputSpec spec;
    ArrayFit fit;
    std::unique_ptr<ArrayReader> reader;
    Tensor every_sample;  // a scalar, once read
  };

  void check_keys(const std::vector<InputSpec>& inputs) const;
  void open_column(const InputSpec& spec, const std::string& key, bool drop_last);
  void open_labels(const std::string& key, bool arrays);
  Tensor read_column(Column& column);
  void finish_sample();

  std::string where_;
  std::string name_;
  std::string stratum_;
  int64_t sequence_;
  bool allow_nonfinite_;
  std::unique_ptr<ArrayFile> file_;
  std::vector<Column> columns_;
  std::unique_ptr<ArrayReader> labels_;
  bool label_arrays_ = false;
  int64_t samples_ = 0;
  int64_t dropped_rows_ = 0;
  std::string counted_by_;  // the input that set samples_
  uint64_t bytes_ = 0;
  int64_t next_ = 0;
};

}  // namespace ptq
