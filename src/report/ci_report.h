#pragma once
// What a CI system is told about one run of a verb, in the forms that it reads: JUnit XML,
// Markdown for the summary of a job, and annotations of GitHub Actions. Made from the JSON document
// of the verb alone, so that all verbs have all forms. Pure functions; any thread.

#include <string>
#include <string_view>
#include <vector>

namespace ptq {

struct CiCheck {
  std::string name{};  // the same from run to run: "max-drop", "min-sqnr logits"
  // kInconclusive: by these samples or on this machine nothing can be said.
  enum class State { kPassed, kFailed, kInconclusive, kError } state = State::kPassed;
  std::string text{};  // with the figures
};

struct CiNote {
  std::string severity{};  // "error", "warning" or "info"
  std::string code{};      // "PTQ-D012"; "" for none
  std::string text{};
};

struct CiReport {
  std::string verb{};
  std::string subject{};  // name of the file that was judged
  bool passed = true;
  std::vector<CiCheck> checks{};  // gates; one named after the verb where there are none
  std::vector<CiNote> notes{};    // findings, the gravest first, and warnings
  struct Figure {
    std::string name{};
    std::string value{};
  };
  std::vector<Figure> figures{};  // of the summary, as the document has them
};

// `document` is what a verb delivers as JSON, ptq.error/1 included.
CiReport ci_report(const std::string& document);

// One test suite with a test case for each check; notes are its output.
std::string junit_xml(const CiReport& report);
// At most 64 KiB, the size that is left for one of several steps.
std::string ci_markdown(const CiReport& report);
// Workflow commands, one a line: ::error, ::warning and ::notice, at most ten of each, as many as
// GitHub shows for a step.
std::string github_annotations(const CiReport& report);

}  // namespace ptq
