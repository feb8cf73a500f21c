#include "robustness/run_limited.h"

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ptq::testing {
namespace {

// The exit code once the program has ended; -1 while it runs.
int poll_exit(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, WNOHANG) != child) {
    return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int wait_limited(pid_t child, int limit_s) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(limit_s);
  while (std::chrono::steady_clock::now() < end) {
    const int code = poll_exit(child);
    if (code >= 0) {
      return code;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return kStoppedAtLimit;
}

}  // namespace

LimitedRun run_limited(const std::vector<std::string>& words, const std::string& capture,
                       int limit_s) {
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    // Only calls that are safe between fork and exec of a program with threads.
    const int out = open(capture.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_APPEND, 0600);
    const int nothing = open("/dev/null", O_RDONLY);
    if (dup2(nothing, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
      _exit(127);
    }
    execv(argv[0], argv.data());
    _exit(127);
  }
  LimitedRun run;
  run.exit_code = wait_limited(child, limit_s);
  std::ifstream in(capture, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  run.out = bytes.str();
  return run;
}

}  // namespace ptq::testing
