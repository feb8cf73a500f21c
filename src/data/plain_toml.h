#pragma once
// The part of TOML that files of settings need: 'key = value' on lines and comments; no tables, no
// texts over several lines. Asked for before toml++ sees the text, since its version 3.3 is
// undefined on some faulty tables ("[[[", "[}") and on some non-ASCII characters. Free
// function; any thread.

#include <string_view>

namespace ptq {

// Throws Error{kUsage} (see refuse_image_spec) with line and column for tables, texts in triple
// quotes, and characters outside of ASCII on lines that are no comments.
void check_plain_toml(std::string_view text, std::string_view where);

}  // namespace ptq
