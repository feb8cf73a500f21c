#pragma once
// Text, figures and tables of an HTML page. Names come from model files and may hold any bytes:
// everything that goes into a page passes through here. Pure functions; any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

// markup_escaped: safe as text and inside a quoted attribute.
std::string html_text(std::string_view text, size_t max_size = 600);

// As above, but a longer name keeps its end, which tells names of a model apart.
std::string html_name(std::string_view name, size_t max_size = 72);
// The same for HTML outside of SVG: lines may be broken behind / . _ and :
std::string html_path(std::string_view name, size_t max_size = 72);

// Figures as people write them: a true minus sign, thin steps of thousands, "lossless" and "–".
std::string figure(double value, int significant_digits = 3);
std::string fixed_figure(double value, int decimals);
std::string count_figure(uint64_t value);    // "12,958,592"
std::string large_figure(double value);      // "13.0 M", "402", "1.20 k"
std::string decibel_figure(double db);       // "38.2 dB", "lossless"
std::string percent_figure(double percent);  // "99.2 %"
std::string tick_figure(double value);       // shortest: "0.25", "10⁶"
std::string optional_count(std::optional<double> value);
std::string optional_figure(std::optional<double> value, int significant_digits = 3);
std::string milliseconds_figure(double ms);  // "0.182 ms", "1.24 s"

// A table whose cells are plain text and are escaped when they are added.
class HtmlTable {
 public:
  enum class Kind { kText, kNumber, kName, kCode, kSeverity };  // of a code no line is broken
  struct Column {
    std::string title;
    Kind kind = Kind::kText;
  };

  explicit HtmlTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add_row(const std::vector<std::string>& cells);
  bool empty() const { return rows_ == 0; }
  size_t rows() const { return rows_; }
  // Scrolls by itself where the page is too narrow for it, or where it is long.
  std::string html() const;
  // Folded: "title (17 rows)".
  std::string folded(std::string_view title) const;

 private:
  std::vector<Column> columns_;
  std::string body_;
  size_t rows_ = 0;
};

// "<p class="note">…</p>" of plain text.
std::string html_note(std::string_view text);
// The same, or nothing for an empty text.
std::string note_if(std::string_view text);

}  // namespace ptq
