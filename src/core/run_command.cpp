#include "core/run_command.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kKeptBytes = 64U << 10U;

[[noreturn]] void run_child(const std::string& command, int output) {
  setpgid(0, 0);
  const int input = open("/dev/null", O_RDONLY);
  if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) {
    _exit(126);
  }
  execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  _exit(127);
}

// The child and all that it started in its group.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) { setpgid(pid, pid); }
  ~Child() {
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

std::string status_text(int status) {
  return WIFSIGNALED(status) ? fmt::format("died of signal {}", WTERMSIG(status))
                             : fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./=:,+@%").find(c) != std::string_view::npos;
  });
  if (plain) {
    return text;
  }
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

std::string run_command(const std::string& command, double timeout_seconds,
                        const std::atomic<bool>* stop) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorCode::kEnvironment,
                fmt::format("no pipe for a command: {}", std::strerror(errno)));
  }
  const pid_t pid = fork();
  if (pid == 0) {
    run_child(command, ends[1]);
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    throw Error(ErrorCode::kEnvironment,
                fmt::format("no process for a command: {}", std::strerror(errno)));
  }
  Child child(pid);
  const auto give_up =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout_seconds);
  std::string output;
  std::array<char, 4096> buffer{};
  while (true) {
    if (stop != nullptr && stop->load()) {
      close(ends[0]);
      throw Error(ErrorCode::kInterrupted, "interrupted while a command was running");
    }
    if (std::chrono::steady_clock::now() >= give_up) {
      close(ends[0]);
      throw Error(ErrorCode::kEnvironment,
                  fmt::format("the command '{}' did not end within {} seconds and was stopped",
                              printable(command), timeout_seconds));
    }
    pollfd wanted{.fd = ends[0], .events = POLLIN, .revents = 0};
    if (poll(&wanted, 1, 100) <= 0) {
      continue;
    }
    const ssize_t got = read(ends[0], buffer.data(), buffer.size());
    if (got <= 0) {
      if (got < 0 && errno == EINTR) {
        continue;
      }
      break;
    }
    output.append(buffer.data(), static_cast<size_t>(got));
    if (output.size() > 2 * kKeptBytes) {
      output.erase(0, output.size() - kKeptBytes);
    }
  }
  close(ends[0]);
  const int status = child.wait();
  if (status != 0) {
    throw Error(ErrorCode::kEnvironment,
                fmt::format("the command '{}' {}; what it says stands above", printable(command),
                            status_text(status)));
  }
  return output;
}

}  // namespace ptq
