#include "data/labels.h"

#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "data/array_file.h"
#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/npy_header.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr uint64_t kMaxCsvBytes = uint64_t{256} << 20;

[[noreturn]] void refuse(const std::string& where, std::string_view what) {
  refuse_data(DataFinding::kBadLabels, where, what);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                 : std::nullopt;
}

// Fields of one line (RFC 4180, but no line breaks within quotes), trimmed.
std::vector<std::string> split_line(std::string_view line, const std::string& where) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) {
    refuse(where, "a quote is never closed");
  }
  for (std::string& field : fields) {
    field = std::string(trim(field));
  }
  return fields;
}

class CsvLabels {
 public:
  explicit CsvLabels(std::string file) : file_(std::move(file)) {}

  void add_line(std::string_view line) {
    ++line_number_;
    const std::string where = fmt::format("{}: line {}", file_, line_number_);
    if (line_number_ == 1 && line.starts_with("\xef\xbb\xbf")) {
      line.remove_prefix(3);  // byte order mark
    }
    if (trim(line).empty()) {
      blank_ = line_number_;
      return;
    }
    if (blank_ != 0) {
      refuse(where, fmt::format("text behind the empty line {}; remove that line", blank_));
    }
    const std::vector<std::string> fields = split_line(line, where);
    if (columns_ == 0) {
      columns_ = fields.size();
      column_ = columns_ - 1;
      if (take_header(fields)) {
        return;
      }
    }
    if (fields.size() != columns_) {
      refuse(where,
             fmt::format("expected {} columns as in line 1, found {}", columns_, fields.size()));
    }
    const std::optional<int64_t> value = parse_integer(fields[column_]);
    if (!value) {
      refuse(where, fmt::format("expected an integer label in column {}, found '{}'", column_ + 1,
                                printable(fields[column_], 60)));
    }
    labels.push_back(*value);
  }

  std::vector<int64_t> labels;

 private:
  bool take_header(const std::vector<std::string>& fields) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i] == "label") {
        column_ = i;
        return true;
      }
    }
    return !parse_integer(fields[column_]).has_value();
  }

  std::string file_;
  size_t line_number_ = 0;
  size_t blank_ = 0;  // number of the first empty line
  size_t columns_ = 0;
  size_t column_ = 0;
};

std::vector<int64_t> read_csv(const std::filesystem::path& path) {
  const std::string where = path_text(path);
  const uint64_t size = regular_file_size(path);
  if (size > kMaxCsvBytes) {
    refuse(where, fmt::format("{} bytes of labels, the limit is {}; use .npy", size, kMaxCsvBytes));
  }
  std::string text(size, '\0');
  text.resize(open_file_stream(path)->read(std::as_writable_bytes(std::span(text))));
  CsvLabels csv(where);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    csv.add_line(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
  }
  return std::move(csv.labels);
}

std::vector<int64_t> read_npy(const std::filesystem::path& path) {
  const std::unique_ptr<ArrayReader> reader = open_array_file(path)->open_array("");
  const ArrayHeader& header = reader->header();
  if (!is_integer_type(header.dtype) || header.shape.size() != 1) {
    refuse(reader->where(), fmt::format("expected labels as a 1-D integer array, found {} {}",
                                        dtype_name(header.dtype), shape_text(header.shape)));
  }
  return label_values(reader->read_whole(), 0, reader->where());
}

}  // namespace

std::vector<int64_t> label_values(const Tensor& tensor, int64_t first_row, std::string_view where) {
  if (tensor.dtype() == DType::kUint64) {
    const std::span<const uint64_t> values = tensor.data<uint64_t>();
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] > uint64_t{std::numeric_limits<int64_t>::max()}) {
        refuse_data(DataFinding::kBadLabels, where,
                    fmt::format("label {} at [{}] does not fit into int64", values[i],
                                first_row + static_cast<int64_t>(i)));
      }
    }
  }
  return to_int64s(tensor);
}

std::vector<int64_t> read_labels(const std::filesystem::path& path) {
  std::vector<int64_t> labels;
  if (path.extension() == ".npy") {
    labels = read_npy(path);
  } else if (path.extension() == ".csv") {
    labels = read_csv(path);
  } else {
    refuse(path_text(path), "expected labels as .npy or .csv");
  }
  if (labels.empty()) {
    refuse(path_text(path), "no labels in the file");
  }
  return labels;
}

}  // namespace ptq
