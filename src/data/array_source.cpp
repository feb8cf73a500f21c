// Samples from files of arrays, one set of arrays after the other.

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "data/array_cursor.h"
#include "data/findings.h"
#include "data/mapped_arrays.h"
#include "data/sample_reader.h"
#include "ptq/error.h"

namespace ptq {
namespace {

class ArraySetReader : public SampleReader {
 public:
  ArraySetReader(std::vector<ArraySource> sources, std::vector<InputSpec> inputs,
                 const DataOptions& options)
      : inputs_(std::move(inputs)), options_(options) {
    const int64_t limit =
        options.max_samples > 0 ? options.max_samples : std::numeric_limits<int64_t>::max();
    for (ArraySource& source : sources) {
      const ArrayCursor cursor(source, 0, inputs_, options_);
      dropped_rows_ += cursor.dropped_rows();
      sets_.push_back({std::move(source), cursor.samples()});
      total_ += std::min(cursor.samples(), limit - total_);
      if (total_ == limit) {
        break;
      }
    }
  }

  size_t size() const override { return static_cast<size_t>(total_); }

  std::optional<Sample> read() override {
    if (!advance()) {
      return std::nullopt;
    }
    return cursor_->read();
  }

  bool skip() override {
    if (!advance()) {
      return false;
    }
    cursor_->skip();
    return true;
  }

  std::vector<std::string> warnings() const override {
    if (dropped_rows_ == 0) {
      return {};
    }
    return {with_code(DataFinding::kRowsDropped,
                      fmt::format("{} row(s) that do not fill the batch of the model were left "
                                  "out (--drop-last)",
                                  dropped_rows_))};
  }

 private:
  struct ArraySet {
    ArraySource source;
    int64_t samples = 0;
  };

  // Makes cursor_ stand at the next sample; false behind the last.
  bool advance() {
    if (given_ == total_) {
      cursor_.reset();
      return false;
    }
    if (!cursor_ || cursor_->done()) {
      const ArraySet& set = sets_[next_set_];
      cursor_ = std::make_unique<ArrayCursor>(set.source, static_cast<int64_t>(next_set_), inputs_,
                                              options_);
      if (cursor_->samples() != set.samples) {
        refuse_data(DataFinding::kChanged, set.source.where,
                    fmt::format("held {} samples at first, holds {} now; leave the data alone "
                                "during a run",
                                set.samples, cursor_->samples()));
      }
      ++next_set_;
    }
    ++given_;
    return true;
  }

  std::vector<InputSpec> inputs_;
  DataOptions options_;
  std::vector<ArraySet> sets_;
  std::unique_ptr<ArrayCursor> cursor_;
  size_t next_set_ = 0;
  int64_t total_ = 0;
  int64_t given_ = 0;
  int64_t dropped_rows_ = 0;
};

}  // namespace

std::unique_ptr<SampleReader> read_array_files(std::vector<DataFile> files,
                                               std::vector<InputSpec> inputs,
                                               const DataOptions& options) {
  std::vector<ArraySource> sources;
  for (DataFile& file : files) {
    sources.push_back({path_text(file.path), file.path.filename().string(), file.stratum,
                       [path = file.path] { return open_array_file(path); }});
  }
  return std::make_unique<ArraySetReader>(std::move(sources), std::move(inputs), options);
}

std::unique_ptr<SampleReader> read_mapped_arrays(std::vector<MappedArray> arrays,
                                                 std::vector<InputSpec> inputs,
                                                 const DataOptions& options) {
  PTQ_CHECK(!arrays.empty());
  std::string where;
  for (const MappedArray& array : arrays) {
    where += fmt::format("{}{}={}", where.empty() ? "" : " ", printable(array.name, 60),
                         path_text(array.path));
  }
  std::string name = arrays.front().path.filename().string();
  std::vector<ArraySource> sources;
  sources.push_back({std::move(where), std::move(name), {}, [arrays = std::move(arrays)] {
                       return open_mapped_arrays(arrays);
                     }});
  return std::make_unique<ArraySetReader>(std::move(sources), std::move(inputs), options);
}

}  // namespace ptq
