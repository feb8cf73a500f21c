#pragma once
// Commands that a report recommends. Pure; any thread.

#include <string>

namespace ptq {

// `word` as one argument of a POSIX shell.
std::string shell_word(const std::string& word);

}  // namespace ptq
