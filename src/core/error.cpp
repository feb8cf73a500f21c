#include "ptq/error.h"

#include <utility>

namespace ptq {

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
  std::string out(text.substr(0, max_size));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      c = '?';
    }
  }
  if (text.size() > max_size) {
    out += "...";
  }
  return out;
}

}  // namespace ptq
