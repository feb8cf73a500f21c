#pragma once
// Runs a command line of the user's through the shell and takes what it prints. Called from the
// main thread.

#include <atomic>
#include <string>

namespace ptq {

// Standard output of `/bin/sh -c command`, at most its last 64 kB; standard error goes where ours
// goes, standard input is empty. Throws Error{kEnvironment} when it ends with another status than
// 0, by a signal or not within `timeout_seconds` (it is killed then, with all it started), and
// Error{kInterrupted} once `stop` is set.
std::string run_command(const std::string& command, double timeout_seconds,
                        const std::atomic<bool>* stop);

// `text` as one word of the shell, whatever it holds.
std::string shell_word(const std::string& text);

}  // namespace ptq
