// ptq report: one page, and a summary for CI, from the JSON documents of other verbs.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "ptq/error.h"
#include "report/json_report.h"
#include "report/model_report.h"
#include "report/table.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  std::vector<std::filesystem::path> documents;
  std::filesystem::path html;
  std::filesystem::path markdown;
  size_t top = kReportTop;
  bool force = false;
};

int run(const Options& options) {
  if (options.html.empty() && options.markdown.empty()) {
    throw Error(ErrorCode::kUsage, "expected where to write: -o FILE.html, --md FILE.md, or both");
  }
  for (const std::filesystem::path& output : {options.html, options.markdown}) {
    if (!output.empty()) {
      check_output_path(output, options.documents, options.force);
    }
  }
  if (!options.html.empty() &&
      options.html.lexically_normal() == options.markdown.lexically_normal()) {
    throw Error(ErrorCode::kUsage, "expected two files, found the same behind -o and --md");
  }
  const ModelReport report = model_report(options.documents, PTQ_VERSION, options.top);
  std::string text;
  const auto write = [&](const std::filesystem::path& path, const std::string& content) {
    if (!path.empty()) {
      AtomicFile file(path);
      file.write(content);
      file.commit();
      text += fmt::format("wrote {} ({})\n", printable(path.string()), size_text(content.size()));
    }
  };
  write(options.html, report.html);
  write(options.markdown, report.markdown);
  const ReportHeader header = make_header("report", options.documents, false);
  return deliver(options.common,
                 {.text = text,
                  .json = report_json(header, report),
                  .verdict = fmt::format("PASS report {}  {} document(s), which say {}",
                                         printable(report.model.empty() ? "-" : report.model),
                                         report.documents, report.state)});
}

}  // namespace

Verb add_report(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("report", "make one HTML page of the JSON documents of other verbs");
  auto options = std::make_shared<Options>();
  verb->add_option("documents", options->documents, "JSON documents (--json-out) about one model")
      ->required();
  verb->add_option("-o,--output", options->html, "HTML file: needs no network and no script");
  verb->add_option("--md", options->markdown, "Markdown file, a summary for CI of at most 1 MiB");
  verb->add_option("--top", options->top,
                   fmt::format("rows of the longest tables, 0 = all [{}]", kReportTop));
  verb->add_flag("--force", options->force, "replace outputs that exist");
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
