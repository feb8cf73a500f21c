// ptq merge: add up the statistics of shards, or of runs over different data.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "ptq/error.h"
#include "report/stats_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path output;
  bool force = false;
  bool partial = false;
};

std::string missing_shards(const Shards& shards) {
  constexpr size_t kShown = 12;
  std::string text;
  size_t missing = 0;
  size_t next = 0;
  for (uint64_t shard = 0; shard < shards.count; ++shard) {
    if (next < shards.present.size() && shards.present[next] == shard) {
      ++next;
    } else if (++missing <= kShown) {
      text += fmt::format("{}{}/{}", text.empty() ? "" : ", ", shard, shards.count);
    }
  }
  return missing > kShown ? fmt::format("{} and {} more", text, missing - kShown) : text;
}

int run(const Options& options) {
  check_output_path(options.output, options.inputs, options.force);
  std::vector<NamedStats> parts;
  parts.reserve(options.inputs.size());
  for (const std::filesystem::path& input : options.inputs) {
    parts.push_back({input.string(), read_stats(input)});
  }
  const ActivationStats stats = merge_stats(std::move(parts));
  ReportHeader header = make_header("merge", options.inputs, false);
  if (stats.shards.count > 0) {
    const std::string missing = missing_shards(stats.shards);
    if (!options.partial) {
      throw Error(ErrorCode::kInput,
                  fmt::format("expected all {} shards of the run, {} missing; give them too, or "
                              "say --partial",
                              stats.shards.count, missing));
    }
    report_warnings(header, {fmt::format("shards {} are not in the result", missing)});
  }
  write_stats(stats, options.output);
  return deliver(options.common,
                 {.text = stats_written_text(stats, options.output),
                  .json = stats_json(header, stats),
                  .verdict = fmt::format("PASS merge {}  {} files, {} samples, {} tensors",
                                         printable(options.output.string()), options.inputs.size(),
                                         stats.samples(), stats.tensors.size())});
}

}  // namespace

Verb add_merge(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("merge", "add up the statistics of shards or of further data");
  auto options = std::make_shared<Options>();
  verb->add_option("stats", options->inputs, "statistics files")->required();
  verb->add_option("-o,--output", options->output, "statistics file")->required();
  verb->add_flag("--partial", options->partial, "write although shards are missing");
  verb->add_flag("--force", options->force, "replace the output when it exists");
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
