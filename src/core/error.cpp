#include "ptq/error.h"

#include <cstdint>
#include <utility>

namespace ptq {
namespace {

struct Character {
  uint32_t code_point = 0;
  size_t size_bytes = 0;  // 0: no well-formed UTF-8 begins here
};

// The first character of `text`, by table 3-7 of the Unicode standard (no overlong forms, no
// surrogates, nothing above U+10FFFF). `text` is not empty.
Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) {
    return {};
  }
  uint32_t code_point = lead & (0x7FU >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) != 0x80U) {
      return {};
    }
    code_point = code_point << 6 | (byte & 0x3FU);
  }
  const bool overlong = (size == 3 && code_point < 0x800) || (size == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return overlong || surrogate || code_point > 0x10FFFF ? Character{} : Character{code_point, size};
}

bool is_harmless(uint32_t code_point) {
  const bool control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
  // U+2028/2029 separate lines; the others turn or isolate the writing direction.
  const bool turns_text = code_point == 0x200E || code_point == 0x200F ||
                          (code_point >= 0x2028 && code_point <= 0x202E) ||
                          (code_point >= 0x2066 && code_point <= 0x2069);
  return !control && !turns_text;
}

}  // namespace

Error::Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

void Error::add_context(std::string_view context) {
  message_ = std::string(context) + ": " + message_;
}

void fail_check(const char* condition, const char* file, int line) {
  const std::string_view path(file);
  const size_t slash = path.find_last_of('/');
  throw Error(ErrorCode::kInternal,
              "broken invariant: " + std::string(condition) + " at " +
                  std::string(path.substr(slash == std::string_view::npos ? 0 : slash + 1)) + ":" +
                  std::to_string(line) + "; this is a defect of ptq, please report it");
}

std::string printable(std::string_view text, size_t max_size) {
  std::string out;
  size_t position = 0;
  while (position < text.size()) {
    const Character next = first_character(text.substr(position));
    const size_t size_bytes = next.size_bytes == 0 ? 1 : next.size_bytes;
    if (position + size_bytes > max_size) {
      return out + "...";
    }
    if (next.size_bytes != 0 && is_harmless(next.code_point)) {
      out += text.substr(position, size_bytes);
    } else {
      out += '?';
    }
    position += size_bytes;
  }
  return out;
}

}  // namespace ptq
