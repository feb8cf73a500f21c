#pragma once
// Tables of text with aligned columns, for the terminal. One object belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ptq {

class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
    size_t max_width = 48;  // characters; longer cells keep their end, which tells names apart
  };

  explicit TextTable(std::vector<Column> columns);
  // Cells beyond the columns are a defect; missing ones are empty. Control bytes become '?'.
  void add_row(std::vector<std::string> cells);
  // Header, rule, rows; each line indented by two spaces and ended by a new line.
  std::string text() const;
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "14.2 MB", "873 B": powers of 1000, three significant digits.
std::string size_text(uint64_t size_bytes);
// "38.2 dB", "lossless" for +infinity.
std::string decibel_text(double db);

}  // namespace ptq
