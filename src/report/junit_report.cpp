// JUnit XML in the form that Jenkins, GitLab and GitHub's actions read.

#include <algorithm>

#include <fmt/format.h>

#include "report/ci_report.h"
#include "report/escape.h"

namespace ptq {
namespace {

constexpr size_t kMostText = 1000;

std::string attribute(std::string_view name, std::string_view value) {
  return fmt::format(" {}=\"{}\"", name, markup_escaped(value, kMostText));
}

std::string test_case(const CiReport& report, const CiCheck& check) {
  std::string out = "    <testcase" + attribute("classname", "ptq." + report.verb) +
                    attribute("name", check.name);
  const std::string text = markup_escaped(check.text, kMostText);
  switch (check.state) {
    case CiCheck::State::kPassed:
      return out + (text.empty() ? "/>\n"
                                 : fmt::format("><system-out>{}</system-out></testcase>\n", text));
    case CiCheck::State::kFailed:
      return out + fmt::format("><failure type=\"gate\"{0}>{1}</failure></testcase>\n",
                               attribute("message", check.text), text);
    case CiCheck::State::kInconclusive:
      return out + (report.passed ? fmt::format("><skipped{}/></testcase>\n",
                                                attribute("message", check.text))
                                  : fmt::format("><failure type=\"inconclusive\"{0}>{1}</failure>"
                                                "</testcase>\n",
                                                attribute("message", check.text), text));
    case CiCheck::State::kError:
      break;
  }
  return out + fmt::format("><error type=\"error\"{0}>{1}</error></testcase>\n",
                           attribute("message", check.text), text);
}

size_t count(const CiReport& report, CiCheck::State state) {
  return static_cast<size_t>(std::ranges::count(report.checks, state, &CiCheck::state));
}

}  // namespace

std::string junit_xml(const CiReport& report) {
  const size_t inconclusive = count(report, CiCheck::State::kInconclusive);
  const size_t failures =
      count(report, CiCheck::State::kFailed) + (report.passed ? 0 : inconclusive);
  const std::string counts = fmt::format(
      " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"", report.checks.size(), failures,
      count(report, CiCheck::State::kError), report.passed ? inconclusive : 0);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ptq\"" +
                    counts + ">\n  <testsuite" +
                    attribute("name", "ptq " + report.verb +
                                          (report.subject.empty() ? "" : " " + report.subject)) +
                    counts + ">\n";
  if (!report.figures.empty()) {
    out += "    <properties>\n";
    for (const CiReport::Figure& figure : report.figures) {
      out += "      <property" + attribute("name", figure.name) + attribute("value", figure.value) +
             "/>\n";
    }
    out += "    </properties>\n";
  }
  for (const CiCheck& check : report.checks) {
    out += test_case(report, check);
  }
  if (!report.notes.empty()) {
    out += "    <system-out>";
    for (const CiNote& note : report.notes) {
      out +=
          fmt::format("{}{}{}: {}\n", markup_escaped(note.severity), note.code.empty() ? "" : " ",
                      markup_escaped(note.code), markup_escaped(note.text, kMostText));
    }
    out += "</system-out>\n";
  }
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace ptq
