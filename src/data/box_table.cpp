#include "data/box_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/csv_lines.h"
#include "data/findings.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kColumns = 5;  // class, x1, y1, x2, y2

[[noreturn]] void refuse(const std::string& where, std::string_view what) {
  refuse_data(DataFinding::kBadLabels, where, what);
}

struct Columns {
  size_t sample = 0;
  bool by_file = true;
  std::array<size_t, kColumns> values{};
};

std::optional<size_t> find_column(const std::vector<std::string>& names,
                                  const std::vector<std::string_view>& wanted) {
  for (const std::string_view name : wanted) {
    const auto found = std::ranges::find(names, name);
    if (found != names.end()) {
      return static_cast<size_t>(found - names.begin());
    }
  }
  return std::nullopt;
}

Columns read_header(const std::vector<std::string>& names, const std::string& where) {
  const auto file = find_column(names, {"file", "image"});
  const auto sample = file ? file : find_column(names, {"sample"});
  const std::array<std::optional<size_t>, kColumns> values = {
      find_column(names, {"class", "cls", "category", "label"}), find_column(names, {"x1"}),
      find_column(names, {"y1"}), find_column(names, {"x2"}), find_column(names, {"y2"})};
  if (!sample || !std::ranges::all_of(values, [](const auto& v) { return v.has_value(); })) {
    refuse(where,
           "expected a first line that names the columns file (or sample), class, x1, y1, "
           "x2, y2");
  }
  Columns columns{.sample = *sample, .by_file = file.has_value()};
  std::ranges::transform(values, columns.values.begin(), [](const auto& v) { return *v; });
  return columns;
}

float number_of(const std::string& text, const std::string& where) {
  float value = 0.0F;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    refuse(where, fmt::format("expected a number, found '{}'", printable(text, 60)));
  }
  return value;
}

std::string file_name(std::string_view path) {
  const size_t slash = path.find_last_of("/\\");
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace

std::string BoxTable::key(std::string_view origin, size_t position) const {
  return by_file ? file_name(origin) : fmt::format("{}", position);
}

bool BoxTable::names(std::string_view origin, size_t position) const {
  return boxes.contains(key(origin, position));
}

Tensor BoxTable::of(std::string_view origin, size_t position) const {
  const auto found = boxes.find(key(origin, position));
  return found != boxes.end() ? found->second
                              : Tensor(DType::kFloat, {0, static_cast<int64_t>(kColumns)});
}

BoxTable read_box_table(const std::filesystem::path& path) {
  std::map<std::string, std::vector<float>> rows;
  std::optional<Columns> columns;
  size_t width = 0;
  size_t line_number = 0;
  for_each_csv_line(path, [&](std::string_view line) {
    const std::string where = fmt::format("{}: line {}", path_text(path), ++line_number);
    if (trimmed(line).empty()) {
      return;
    }
    const std::vector<std::string> fields = csv_fields(line, where);
    if (!columns) {
      columns = read_header(fields, where);
      width = fields.size();
      return;
    }
    if (fields.size() != width) {
      refuse(where,
             fmt::format("expected {} columns as in line 1, found {}", width, fields.size()));
    }
    const std::string& sample = fields[columns->sample];
    std::vector<float>& row = rows[columns->by_file ? file_name(sample) : sample];
    if (fields[columns->values[0]].empty()) {
      return;
    }
    for (const size_t column : columns->values) {
      row.push_back(number_of(fields[column], where));
    }
    const float* const box = row.data() + row.size() - kColumns;
    if (box[0] < 0.0F || box[0] != std::floor(box[0]) || !(box[3] > box[1] && box[4] > box[2])) {
      refuse(where, fmt::format("expected a class from 0 on, x1 < x2 and y1 < y2, found {} {} {} "
                                "{} {}",
                                box[0], box[1], box[2], box[3], box[4]));
    }
  });
  if (!columns || rows.empty()) {
    refuse(path_text(path), "no boxes in the file");
  }
  BoxTable table{.by_file = columns->by_file, .boxes = {}};
  for (const auto& [name, values] : rows) {
    table.boxes.emplace(name, Tensor::from<float>({static_cast<int64_t>(values.size() / kColumns),
                                                   static_cast<int64_t>(kColumns)},
                                                  std::span<const float>(values)));
  }
  return table;
}

}  // namespace ptq
