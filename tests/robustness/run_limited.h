#pragma once
// Runs a program with a limit of time, so that a hang is a result like any other. Any thread.

#include <string>
#include <vector>

namespace ptq::testing {

struct LimitedRun {
  int exit_code = -1;  // 128 + signal when it died of one, 1000 when it was stopped at the limit
  std::string out{};   // standard output and standard error, in order
};

constexpr int kStoppedAtLimit = 1000;

// `words[0]` is the program. Its output goes through the file `capture`.
LimitedRun run_limited(const std::vector<std::string>& words, const std::string& capture,
                       int limit_s);

}  // namespace ptq::testing
