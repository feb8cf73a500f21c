#include "data/labels.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "data/array_file.h"
#include "data/byte_stream.h"
#include "data/csv_lines.h"
#include "data/findings.h"
#include "data/npy_header.h"
#include "ptq/error.h"

namespace ptq {
namespace {

[[noreturn]] void refuse(const std::string& where, std::string_view what) {
  refuse_data(DataFinding::kBadLabels, where, what);
}

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                 : std::nullopt;
}

std::optional<float> parse_float(std::string_view text) {
  float value = 0.0F;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = code == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

class CsvLabels {
 public:
  explicit CsvLabels(std::string file) : file_(std::move(file)) {}

  void add_line(std::string_view line) {
    ++line_number_;
    const std::string where = fmt::format("{}: line {}", file_, line_number_);
    if (trimmed(line).empty()) {
      blank_ = line_number_;
      return;
    }
    if (blank_ != 0) {
      refuse(where, fmt::format("text behind the empty line {}; remove that line", blank_));
    }
    const std::vector<std::string> fields = csv_fields(line, where);
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
  CsvLabels csv(path_text(path));
  for_each_csv_line(path, [&](std::string_view line) { csv.add_line(line); });
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

void check_target_rows(const ArrayHeader& header, int64_t samples, std::string_view where) {
  const bool numbers = bit_width(header.dtype) >= 8;
  if (!numbers || header.shape.empty() || header.shape[0] != samples) {
    refuse_data(DataFinding::kBadLabels, where,
                fmt::format("expected numbers of shape [{},...], a row a sample, found {} {}",
                            samples, dtype_name(header.dtype), shape_text(header.shape)));
  }
}

Tensor without_sample_axis(const Tensor& row) {
  return row.reshaped(Shape(row.shape().begin() + 1, row.shape().end()));
}

NumberTable read_number_table(const std::filesystem::path& path) {
  NumberTable table;
  std::vector<bool> used;
  size_t line_number = 0;
  for_each_csv_line(path, [&](std::string_view line) {
    const std::string where = fmt::format("{}: line {}", path_text(path), ++line_number);
    if (trimmed(line).empty()) {
      return;
    }
    const std::vector<std::string> fields = csv_fields(line, where);
    if (used.empty()) {
      used.assign(fields.size(), true);
      if (!parse_float(fields.back())) {
        for (size_t i = 0; i < fields.size(); ++i) {
          used[i] = fields[i] != "sample" && fields[i] != "file" && fields[i] != "index";
        }
        return;
      }
    }
    if (fields.size() != used.size()) {
      refuse(where,
             fmt::format("expected {} columns as in line 1, found {}", used.size(), fields.size()));
    }
    std::vector<float>& row = table.rows.emplace_back();
    for (size_t i = 0; i < fields.size(); ++i) {
      const std::optional<float> value = used[i] ? parse_float(fields[i]) : std::nullopt;
      if (used[i] && !value) {
        refuse(where, fmt::format("expected a number in column {}, found '{}'", i + 1,
                                  printable(fields[i], 60)));
      }
      if (value) {
        row.push_back(*value);
      }
    }
  });
  if (table.rows.empty() || table.rows.front().empty()) {
    refuse(path_text(path), "no labels in the file");
  }
  return table;
}

}  // namespace ptq
