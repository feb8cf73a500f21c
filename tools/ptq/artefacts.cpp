// Files and annotations for CI systems, of any verb that delivers a JSON document.

#include <cstdio>

#include "cli.h"
#include "core/atomic_file.h"
#include "ptq/error.h"
#include "report/ci_report.h"

namespace ptq::cli {
namespace {

void write_file(const std::filesystem::path& path, const std::string& content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

}  // namespace

void add_artefact_options(CLI::App& verb, ArtefactsCli& artefacts) {
  verb.add_option("--junit", artefacts.junit, "write the checks to this JUnit XML file")
      ->group("Output");
  verb.add_option("--md", artefacts.markdown, "write a summary in Markdown to this file")
      ->group("Output");
  verb.add_flag("--github", artefacts.github,
                "annotate what failed and what was found, for GitHub Actions, on stderr")
      ->group("Output");
}

void check_artefacts(const ArtefactsCli& artefacts) {
  for (const std::filesystem::path& path : {artefacts.junit, artefacts.markdown}) {
    if (!path.empty()) {
      check_output_path(path, {}, true);
    }
  }
  if (!artefacts.junit.empty() &&
      artefacts.junit.lexically_normal() == artefacts.markdown.lexically_normal()) {
    throw Error(ErrorCode::kUsage, "expected two files, found the same behind --junit and --md");
  }
}

void write_artefacts(const ArtefactsCli& artefacts, const std::string& json) {
  if (artefacts.junit.empty() && artefacts.markdown.empty() && !artefacts.github) {
    return;
  }
  const CiReport report = ci_report(json);
  if (!artefacts.junit.empty()) {
    write_file(artefacts.junit, junit_xml(report));
  }
  if (!artefacts.markdown.empty()) {
    write_file(artefacts.markdown, ci_markdown(report));
  }
  if (artefacts.github) {
    std::fputs(github_annotations(report).c_str(), stderr);
  }
}

}  // namespace ptq::cli
