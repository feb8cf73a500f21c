#include "core/plain_toml.h"

#include <algorithm>
#include <string>

namespace ptq {
namespace {

struct Offence {
  size_t at = std::string_view::npos;  // in the line
  std::string_view what;
};

// The end of the text in quotes that begins at `at`: behind the closing quote, or the line's end.
size_t skip_quoted(std::string_view line, size_t at) {
  const char quote = line[at];
  for (++at; at < line.size() && line[at] != quote; ++at) {
    if (quote == '"' && line[at] == '\\') {
      ++at;
    }
  }
  return std::min(at + 1, line.size());
}

// The first thing in a line that plain TOML lacks.
Offence find_offence(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  if (first != std::string_view::npos && line[first] == '#') {
    return {};
  }
  // Also in quotes: a quote in a wrong place opens no text for toml++.
  const auto* foreign = std::ranges::find_if(line, [](char c) { return (c & 0x80) != 0; });
  if (foreign != line.end()) {
    return {
        static_cast<size_t>(foreign - line.begin()),
        "expected ASCII characters outside of comment lines; write others as \\uXXXX in quotes"};
  }
  bool has_key = false;
  for (size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (c == '#') {
      break;
    }
    if (c == '[' && !has_key) {
      return {at, "expected 'key = value', found a table or a list without a key"};
    }
    if (c == '{' || c == '}') {
      return {at, "expected no inline table"};
    }
    if (c == '"' || c == '\'') {
      if (line.substr(at, 3) == std::string(3, c)) {
        return {at, "expected a text on one line, found triple quotes"};
      }
      at = skip_quoted(line, at);
      continue;
    }
    has_key = has_key || c == '=';
    ++at;
  }
  return {};
}

}  // namespace

std::optional<TomlOffence> find_toml_offence(std::string_view text) {
  size_t line_number = 1;
  for (size_t begin = text.starts_with("\xef\xbb\xbf") ? 3 : 0; begin < text.size();
       ++line_number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const Offence offence = find_offence(text.substr(begin, end - begin));
    if (offence.at != std::string_view::npos) {
      return TomlOffence{.line = line_number, .column = offence.at + 1, .what = offence.what};
    }
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace ptq
