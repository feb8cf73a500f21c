#pragma once
// The one exception type of the library. Every room throws it for what the caller cannot have
// meant; only `main` turns it into an exit code. Exceptions of other libraries become an Error in
// the room that knows the library. Immutable after construction apart from add_context; not shared
// by threads.

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

namespace ptq {

// The value of each enumerator is the exit code of the command line.
enum class ErrorCode {
  kUsage = 2,         // flags, configuration, a selector that matches nothing
  kInput = 3,         // model, data or statistics refused
  kEnvironment = 4,   // no space, permission, memory, a library that is missing
  kRuntime = 5,       // the runtime failed on an accepted model
  kInternal = 70,     // a defect of ptq
  kInterrupted = 130  // SIGINT
};

class Error : public std::exception {
 public:
  // `message` is one line: what was expected, what was found, where, and what to do.
  Error(ErrorCode code, std::string message);

  ErrorCode code() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // Prefixes the message with where it happened: "CONTEXT: message".
  void add_context(std::string_view context);

 private:
  ErrorCode code_;
  std::string message_;
};

// Throws Error{kInternal} naming the broken invariant. Never used for input.
[[noreturn]] void fail_check(const char* condition, const char* file, int line);

// `text` as valid UTF-8 without control characters (ESC and new lines among them), line separators
// and marks that turn the writing direction: each, and each byte that is no UTF-8, becomes '?'.
// Longer than `max_size` bytes: cut between characters, "..." behind. For every name that comes
// from a model or a data file and goes to a terminal or a log.
std::string printable(std::string_view text, size_t max_size = 200);

}  // namespace ptq

#define PTQ_CHECK(condition)                             \
  do {                                                   \
    if (!(condition)) {                                  \
      ::ptq::fail_check(#condition, __FILE__, __LINE__); \
    }                                                    \
  } while (false)
