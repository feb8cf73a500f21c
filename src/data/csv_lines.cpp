#include "data/csv_lines.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/findings.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr uint64_t kMaxCsvBytes = uint64_t{256} << 20;

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

void for_each_csv_line(const std::filesystem::path& path,
                       const std::function<void(std::string_view line)>& visit) {
  const uint64_t size = regular_file_size(path);
  if (size > kMaxCsvBytes) {
    refuse_data(DataFinding::kBadLabels, path_text(path),
                fmt::format("{} bytes of labels, the limit is {}; use .npy", size, kMaxCsvBytes));
  }
  std::string text(size, '\0');
  text.resize(open_file_stream(path)->read(std::as_writable_bytes(std::span(text))));
  std::string_view rest = text;
  if (rest.starts_with("\xef\xbb\xbf")) {
    rest.remove_prefix(3);  // byte order mark
  }
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    visit(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

std::vector<std::string> csv_fields(std::string_view line, const std::string& where) {
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
    refuse_data(DataFinding::kBadLabels, where, "a quote is never closed");
  }
  for (std::string& field : fields) {
    field = std::string(trimmed(field));
  }
  return fields;
}

}  // namespace ptq
