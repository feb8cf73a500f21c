#pragma once
// What a report says first: passed or not, and the key figures. For the page and for Markdown. Pure
// functions; any thread.

#include <string>
#include <vector>

#include "report/report_documents.h"

namespace ptq {

struct KeyFigure {
  std::string title{};   // "size"
  std::string value{};   // "3.51 × smaller"
  std::string detail{};  // "675 kB → 193 kB"
};

struct GateLine {
  std::string text{};
  bool passed = false;
  bool undecided = false;  // by these samples or on this machine; whether it passed is policy
};

enum class ReportState {
  kPass,     // at least one gate, and all passed
  kFail,     // a gate was missed, or a verb ended in an error
  kMeasured  // nothing failed, and no gate was set
};

struct ReportVerdict {
  ReportState state = ReportState::kMeasured;
  std::string headline{};  // a sentence
  std::vector<GateLine> gates{};
  std::vector<KeyFigure> figures{};
  std::vector<std::string> advice{};    // of `ptq diagnose`: the answer and its grounds
  std::string command{};                // of `ptq diagnose`: what to run next
  std::vector<std::string> warnings{};  // of all documents, each once
  std::string model{};                  // name of the model file; "" when no document names it
};

ReportVerdict report_verdict(const ReportDocuments& documents);
std::string_view state_name(ReportState state);  // "PASS", "FAIL", "MEASURED"

}  // namespace ptq
