// ptq stats show: what is in a statistics file.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "ptq/error.h"
#include "report/stats_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  std::filesystem::path stats;
  size_t top = 20;
};

int run(const Options& options) {
  const ActivationStats stats = read_stats(options.stats);
  const ReportHeader header = make_header("stats", {options.stats}, false);
  return deliver(options.common, {.text = stats_text(stats, options.top),
                                  .json = stats_json(header, stats),
                                  .verdict = fmt::format("PASS stats {}  {} samples, {} tensors",
                                                         printable(options.stats.string()),
                                                         stats.samples(), stats.tensors.size())});
}

}  // namespace

Verb add_stats_show(CLI::App& group) {
  CLI::App* verb = group.add_subcommand("show", "print what was measured, and on what");
  auto options = std::make_shared<Options>();
  verb->add_option("stats", options->stats, "statistics file")->required();
  verb->add_option("--top", options->top, "tensors to show, hardest first, 0 = all [20]");
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
