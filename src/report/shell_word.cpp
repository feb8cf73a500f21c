#include "report/shell_word.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "ptq/error.h"

namespace ptq {

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("-_./=:,+@%").find(c) != std::string_view::npos;
  });
  if (plain) {
    return word;
  }
  std::string out = "'";
  for (const char c : printable(word, 4096)) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

}  // namespace ptq
