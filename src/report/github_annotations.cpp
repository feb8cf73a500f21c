// Workflow commands of GitHub Actions.

#include <array>

#include <fmt/format.h>

#include "report/ci_report.h"
#include "report/escape.h"

namespace ptq {
namespace {

constexpr size_t kMostOfAKind = 10;

enum Command { kError, kWarning, kNotice };
constexpr std::array<std::string_view, 3> kCommands = {"error", "warning", "notice"};

class Annotations {
 public:
  void add(Command command, std::string_view title, std::string_view text) {
    if (++counts_.at(command) <= kMostOfAKind) {
      out_ += fmt::format("::{} title={}::{}\n", kCommands.at(command), workflow_property(title),
                          workflow_message(text));
    }
  }

  // What is beyond the ten stays in the log, as plain text.
  std::string take() {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > kMostOfAKind) {
        out_ += fmt::format("ptq: {} more {} annotation(s) are left out\n",
                            counts_[i] - kMostOfAKind, kCommands[i]);
      }
    }
    return std::move(out_);
  }

 private:
  std::string out_;
  std::array<size_t, 3> counts_{};
};

}  // namespace

std::string github_annotations(const CiReport& report) {
  Annotations annotations;
  const std::string verb = "ptq " + report.verb;
  for (const CiCheck& check : report.checks) {
    if (check.state == CiCheck::State::kInconclusive) {
      annotations.add(report.passed ? kWarning : kError, verb + " " + check.name, check.text);
    } else if (check.state != CiCheck::State::kPassed) {
      annotations.add(kError, verb + " " + check.name, check.text);
    }
  }
  for (const CiNote& note : report.notes) {
    // A finding fails nothing by itself: only gates and --fail-on do.
    const Command command = note.severity == "info" ? kNotice : kWarning;
    annotations.add(command, verb + (note.code.empty() ? "" : " " + note.code), note.text);
  }
  return annotations.take();
}

}  // namespace ptq
