// Samples from .jsonl files of token ids, one line each, or as many as the batch that the model
// fixes. Files are indexed by line when they are opened and parsed line by line when they are read.

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/sample_reader.h"
#include "data/token_line.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr uint64_t kMaxLineBytes = uint64_t{64} << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct Line {
  uint64_t begin = 0;
  uint64_t size = 0;
  int64_t number = 0;  // from 1, blank lines counted
};

// The lines of a file that are not blank, up to `limit` of them.
std::vector<Line> index_lines(const DataFile& file, int64_t limit) {
  regular_file_size(file.path);
  const std::unique_ptr<ByteStream> stream = open_file_stream(file.path);
  std::vector<Line> lines;
  std::vector<std::byte> buffer(size_t{64} * 1024);
  Line line{.number = 1};
  bool blank = true;
  uint64_t position = 0;
  const auto finish = [&] {
    if (!blank) {
      lines.push_back(line);
    }
  };
  for (size_t got = 0; (got = stream->read(buffer)) > 0;) {
    for (size_t i = 0; i < got; ++i, ++position) {
      const char c = static_cast<char>(buffer[i]);
      if (c == '\n') {
        finish();
        if (static_cast<int64_t>(lines.size()) == limit) {
          return lines;
        }
        line = {.begin = position + 1, .size = 0, .number = line.number + 1};
        blank = true;
        continue;
      }
      blank = blank && (c == ' ' || c == '\t' || c == '\r');
      if (++line.size > kMaxLineBytes) {
        refuse_data(DataFinding::kImpossibleSize,
                    fmt::format("{}: line {}", path_text(file.path), line.number),
                    fmt::format("longer than {} bytes; expected one sample a line", kMaxLineBytes));
      }
    }
  }
  finish();
  return lines;
}

// Reads indexed lines of one file in order.
class LineFile {
 public:
  explicit LineFile(const DataFile& file)
      : where_(path_text(file.path)), stream_(open_file_stream(file.path)) {}

  std::string read(const Line& line) {
    std::string text(line.size, '\0');
    const uint64_t gap = line.begin - position_;
    if (stream_->skip(gap) != gap ||
        stream_->read(std::as_writable_bytes(std::span(text))) != text.size()) {
      refuse_data(DataFinding::kChanged, where_, "the file became shorter while being read");
    }
    position_ = line.begin + line.size;
    if (line.begin == 0 && text.starts_with(kByteOrderMark)) {
      text.erase(0, kByteOrderMark.size());
    }
    return text;
  }

 private:
  std::string where_;
  std::unique_ptr<ByteStream> stream_;
  uint64_t position_ = 0;
};

// Rows of equal shape under each other; the label is that of the first.
TokenRow stack_rows(std::vector<TokenRow> rows, const std::string& where) {
  TokenRow stacked = std::move(rows.front());
  if (rows.size() == 1) {
    return stacked;
  }
  for (auto& [name, tensor] : stacked.inputs) {
    Shape shape = tensor.shape();
    if (shape.empty() || shape[0] != 1) {
      refuse_data(DataFinding::kWrongShape, where,
                  fmt::format("input '{}' has no sample axis to make batches of {} lines along",
                              printable(name), stacked.batch));
    }
    shape[0] = stacked.batch;
    Tensor batch(tensor.dtype(), std::move(shape));
    std::byte* out = batch.mutable_bytes().data();
    for (size_t i = 0; i < rows.size(); ++i) {
      const Tensor& row = i == 0 ? tensor : rows[i].inputs.at(name);
      if (row.shape() != tensor.shape()) {
        refuse_data(DataFinding::kRagged, where,
                    fmt::format("the model takes {} lines at a time, but '{}' is {} in one of "
                                "them and {} in the first; bring them to one length with --pad-id "
                                "N --pad-to N",
                                stacked.batch, printable(name), shape_text(row.shape()),
                                shape_text(tensor.shape())));
      }
      std::memcpy(out, row.bytes().data(), row.bytes().size());
      out += row.bytes().size();
    }
    tensor = std::move(batch);
  }
  return stacked;
}

class TokenReader : public SampleReader {
 public:
  TokenReader(std::vector<DataFile> files, std::vector<InputSpec> inputs,
              const DataOptions& options)
      : inputs_(std::move(inputs)), options_(options) {
    check_token_options(inputs_, options_);
    const int64_t limit =
        options.max_samples > 0 ? options.max_samples : std::numeric_limits<int64_t>::max();
    for (DataFile& file : files) {
      std::vector<Line> lines =
          index_lines(file, batch_ > 0 && limit < std::numeric_limits<int64_t>::max() / batch_
                                ? (limit - total_) * batch_
                                : std::numeric_limits<int64_t>::max());
      if (lines.empty()) {
        refuse_data(DataFinding::kNoSamples, path_text(file.path), "no lines of samples");
      }
      if (batch_ == 0) {
        LineFile first(file);
        batch_ = parse(file, lines.front(), first).batch;
      }
      const auto rows = static_cast<int64_t>(lines.size());
      const int64_t rest = rows % batch_;
      if (rest != 0 && !options.drop_last && total_ + rows / batch_ < limit) {
        refuse_data(DataFinding::kRemainder, path_text(file.path),
                    fmt::format("the model takes {} lines at a time, which do not divide {}; add "
                                "lines, or leave the last ones out with --drop-last",
                                batch_, rows));
      }
      dropped_rows_ += options.drop_last ? rest : 0;
      total_ += std::min(rows / batch_, limit - total_);
      files_.push_back({std::move(file), std::move(lines)});
      if (total_ == limit) {
        break;
      }
    }
    if (total_ == 0) {
      refuse_data(DataFinding::kNoSamples, path_text(files_.front().file.path),
                  fmt::format("the model takes {} lines at a time, found fewer", batch_));
    }
  }

  size_t size() const override { return static_cast<size_t>(total_); }

  std::optional<Sample> read() override {
    if (!advance()) {
      return std::nullopt;
    }
    const TokenFile& file = files_[current_];
    const Line& first = file.lines[next_line_];
    std::vector<TokenRow> rows;
    for (int64_t i = 0; i < batch_; ++i) {
      rows.push_back(parse(file.file, file.lines[next_line_++], *open_));
    }
    Sample sample;
    sample.origin = fmt::format("{}:{}", file.file.path.filename().string(), first.number);
    sample.stratum = file.file.stratum;
    sample.sequence = static_cast<int64_t>(current_);
    TokenRow row = stack_rows(std::move(rows),
                              fmt::format("{}: line {}", path_text(file.file.path), first.number));
    sample.inputs = std::move(row.inputs);
    sample.label = row.label;
    return sample;
  }

  bool skip() override {
    if (!advance()) {
      return false;
    }
    next_line_ += static_cast<size_t>(batch_);
    return true;
  }

  std::vector<std::string> warnings() const override {
    if (dropped_rows_ == 0) {
      return {};
    }
    return {with_code(DataFinding::kRowsDropped,
                      fmt::format("{} line(s) that do not fill the batch of the model were left "
                                  "out (--drop-last)",
                                  dropped_rows_))};
  }

 private:
  struct TokenFile {
    DataFile file;
    std::vector<Line> lines;
  };

  TokenRow parse(const DataFile& file, const Line& line, LineFile& open) const {
    return parse_token_line(open.read(line), inputs_, options_,
                            fmt::format("{}: line {}", path_text(file.path), line.number));
  }

  // Makes next_line_ stand at the next sample; false behind the last.
  bool advance() {
    if (given_ == total_) {
      open_.reset();
      return false;
    }
    while (next_line_ + static_cast<size_t>(batch_) > files_[current_].lines.size()) {
      ++current_;
      next_line_ = 0;
      open_.reset();
    }
    if (!open_) {
      open_ = std::make_unique<LineFile>(files_[current_].file);
    }
    ++given_;
    return true;
  }

  std::vector<InputSpec> inputs_;
  DataOptions options_;
  std::vector<TokenFile> files_;
  int64_t batch_ = 0;  // lines a sample
  int64_t total_ = 0;
  int64_t given_ = 0;
  int64_t dropped_rows_ = 0;
  size_t current_ = 0;
  size_t next_line_ = 0;
  std::unique_ptr<LineFile> open_;
};

}  // namespace

std::unique_ptr<SampleReader> read_token_files(std::vector<DataFile> files,
                                               std::vector<InputSpec> inputs,
                                               const DataOptions& options) {
  return std::make_unique<TokenReader>(std::move(files), std::move(inputs), options);
}

}  // namespace ptq
