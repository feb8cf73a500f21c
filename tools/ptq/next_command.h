#pragma once
// The command line that a verdict recommends, exact, with the paths and options of this run. Pure.

#include <string>

#include "cli.h"

namespace ptq::cli {

struct CommandContext {
  const std::filesystem::path& model;
  const DataOptionsCli& data;
  const StatsCli& stats;
  const PolicyCli& policy;
};

// One line for a POSIX shell. Where ptq has no writer for the form yet, that of ONNX Runtime's
// Python package.
std::string next_command(const Verdict& verdict, int bits, const CommandContext& context);

}  // namespace ptq::cli
