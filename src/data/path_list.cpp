#include "data/path_list.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/findings.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxListBytes = uint64_t{64} << 20;

std::string read_text(const fs::path& path) {
  const uint64_t size = regular_file_size(path);
  if (size > kMaxListBytes) {
    refuse_data(DataFinding::kImpossibleSize, path_text(path),
                fmt::format("a list of {} bytes, the limit is {}", size, kMaxListBytes));
  }
  std::string text(size, '\0');
  text.resize(open_file_stream(path)->read(std::as_writable_bytes(std::span(text))));
  return text;
}

ListLine parse_line(size_t number, const fs::path& path) {
  const std::string text = path.string();
  const size_t mark = text.rfind('#');
  std::error_code ignored;
  if (mark == std::string::npos || fs::exists(path, ignored)) {
    return {number, path};
  }
  uint64_t row = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data() + mark + 1, end, row);
  if (failure != std::errc() || rest != end) {
    return {number, path};
  }
  return {number, text.substr(0, mark), row};
}

}  // namespace

std::vector<ListLine> read_list(const fs::path& list) {
  const std::string text = read_text(list);
  std::vector<ListLine> lines;
  size_t number = 0;
  for (size_t begin = text.starts_with("\xef\xbb\xbf") ? 3 : 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos || line.starts_with('#')) {
      continue;
    }
    if (line.find('\0') != std::string_view::npos) {
      refuse_data(DataFinding::kBadList, fmt::format("{}: line {}", path_text(list), number),
                  "expected a path, found a zero byte; is this a list?");
    }
    lines.push_back(parse_line(number, list.parent_path() / line));
  }
  if (lines.empty()) {
    refuse_data(DataFinding::kBadList, path_text(list), "the list names no files");
  }
  return lines;
}

}  // namespace ptq
