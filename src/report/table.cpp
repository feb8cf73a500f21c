#include "report/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

// Characters a terminal shows; UTF-8 continuation bytes take no column.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string shorten(std::string text, size_t max_width) {
  if (width_of(text) <= max_width || max_width < 4) {
    return text;
  }
  const std::string_view mark = "...";
  size_t from = text.size();
  size_t columns = 0;
  while (from > 0 && columns + mark.size() < max_width) {
    --from;
    columns += (static_cast<unsigned char>(text[from]) & 0xC0U) != 0x80U ? 1U : 0U;
  }
  return std::string(mark) + text.substr(from);
}

std::string pad(const std::string& cell, size_t width, TextTable::Align align) {
  const std::string space(width - std::min(width, width_of(cell)), ' ');
  return align == TextTable::Align::kLeft ? cell + space : space + cell;
}

}  // namespace

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

void TextTable::add_row(std::vector<std::string> cells) {
  PTQ_CHECK(cells.size() <= columns_.size());
  cells.resize(columns_.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i] = shorten(printable(cells[i], 4096), columns_[i].max_width);
  }
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = width_of(columns_[i].title);
    for (const std::vector<std::string>& row : rows_) {
      width = std::max(width, width_of(row[i]));
    }
    widths.push_back(width);
  }
  std::string out;
  const auto add_line = [&](auto cell_of) {
    std::string line = " ";
    for (size_t i = 0; i < columns_.size(); ++i) {
      line += ' ';  // g++ 12 warns of the overlap it imagines in " " + pad(…)
      line += pad(cell_of(i), widths[i], columns_[i].align);
      line += ' ';
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_line([&](size_t i) { return columns_[i].title; });
  add_line([&](size_t i) { return std::string(widths[i], '-'); });
  for (const std::vector<std::string>& row : rows_) {
    add_line([&](size_t i) { return row[i]; });
  }
  return out;
}

std::string size_text(uint64_t size_bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(size_bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  if (unit == 0) {
    return fmt::format("{} B", size_bytes);
  }
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string decibel_text(double db) {
  return std::isinf(db) && db > 0 ? "lossless" : fmt::format("{:.1f} dB", db);
}

}  // namespace ptq
