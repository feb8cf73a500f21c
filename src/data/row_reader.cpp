#include "data/row_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/formats.h"

namespace ptq {
namespace {

// Samples of one file that are read in one go.
struct Group {
  DataFile file;
  int64_t first_line = 0;
  std::vector<uint64_t> rows;  // ascending
};

class RowReader : public SampleReader {
 public:
  RowReader(const DataFormat& format, std::vector<DataFile> files, std::vector<InputSpec> inputs,
            const DataOptions& options)
      : format_(format), inputs_(std::move(inputs)), options_(options) {
    const uint64_t limit = options.max_samples > 0 ? static_cast<uint64_t>(options.max_samples)
                                                   : std::numeric_limits<uint64_t>::max();
    options_.max_samples = 0;
    for (size_t line = 0; line < files.size() && total_ < limit; ++line) {
      add_line(std::move(files[line]), static_cast<int64_t>(line));
      total_ = std::min<uint64_t>(total_, limit);
    }
    for (const Group& group : groups_) {
      check_rows(group);
    }
  }

  size_t size() const override { return total_; }

  std::optional<Sample> read() override {
    if (given_ == total_) {
      reader_.reset();
      return std::nullopt;
    }
    const Group& group = groups_[group_];
    if (!reader_) {
      reader_ = open(group);
      at_ = 0;
    }
    for (; at_ < group.rows[row_]; ++at_) {
      reader_->skip();
    }
    std::optional<Sample> sample = reader_->read();
    ++at_;
    if (!sample) {
      refuse_data(DataFinding::kChanged, path_text(group.file.path),
                  "holds fewer samples than at first; leave the data alone during a run");
    }
    // A whole file is one sequence, single rows are each one.
    sample->sequence = group.first_line + (group.file.row ? static_cast<int64_t>(row_) : 0);
    ++given_;
    if (++row_ == group.rows.size()) {
      row_ = 0;
      ++group_;
      reader_.reset();
    }
    return sample;
  }

 private:
  std::unique_ptr<SampleReader> open(const Group& group) const {
    DataFile file = group.file;
    file.row.reset();
    return format_.open({std::move(file)}, inputs_, options_);
  }

  void add_line(DataFile file, int64_t line) {
    if (!file.row) {
      Group group{std::move(file), line, {}};
      const size_t samples = open(group)->size();
      for (uint64_t row = 0; row < samples; ++row) {
        group.rows.push_back(row);
      }
      total_ += samples;
      groups_.push_back(std::move(group));
      return;
    }
    const bool goes_on = !groups_.empty() && groups_.back().file.row &&
                         groups_.back().file.path == file.path &&
                         groups_.back().rows.back() < *file.row;
    if (!goes_on) {
      groups_.push_back({file, line, {}});
    }
    groups_.back().rows.push_back(*file.row);
    ++total_;
  }

  void check_rows(const Group& group) const {
    if (!group.file.row) {
      return;
    }
    const size_t samples = open(group)->size();
    if (group.rows.back() >= samples) {
      refuse_data(DataFinding::kBadList, path_text(group.file.path),
                  fmt::format("the list names sample #{}, the file holds {}, counted from 0",
                              group.rows.back(), samples));
    }
  }

  const DataFormat& format_;
  std::vector<InputSpec> inputs_;
  DataOptions options_;
  std::vector<Group> groups_;
  uint64_t total_ = 0;
  uint64_t given_ = 0;
  size_t group_ = 0;
  size_t row_ = 0;   // within the group
  uint64_t at_ = 0;  // the next sample of reader_
  std::unique_ptr<SampleReader> reader_;
};

}  // namespace

std::unique_ptr<SampleReader> read_rows(const DataFormat& format, std::vector<DataFile> files,
                                        std::vector<InputSpec> inputs, const DataOptions& options) {
  if (format.images || format.is_folder) {
    refuse_data(
        DataFinding::kBadList, path_text(files.front().path),
        fmt::format("a list with #K names samples of files that hold several, but these are "
                    "{}; leave #K out",
                    format.name));
  }
  return std::make_unique<RowReader>(format, std::move(files), std::move(inputs), options);
}

}  // namespace ptq
