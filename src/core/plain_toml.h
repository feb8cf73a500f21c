#pragma once
// The part of TOML that files of settings need: 'key = value' on lines and comments; no tables, no
// texts over several lines. Asked for before toml++ sees the text, since its version 3.3 is
// undefined on some faulty tables ("[[[", "[}") and on some non-ASCII characters. Free
// function; any thread.

#include <cstddef>
#include <optional>
#include <string_view>

namespace ptq {

struct TomlOffence {
  size_t line = 0;  // from 1
  size_t column = 0;
  std::string_view what{};  // "expected no inline table"
};

// The first table, text in triple quotes, or character outside of ASCII on a line that is no
// comment; nothing for a text that toml++ may read.
std::optional<TomlOffence> find_toml_offence(std::string_view text);

}  // namespace ptq
