// ptq explain: what the code of a finding means, why it matters and what to do.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "report/explain_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  std::string code;
};

int run(const Options& options) {
  const bool one = !options.code.empty();
  const std::vector<Explanation> rows =
      one ? std::vector<Explanation>{find_explanation(options.code)} : all_explanations();
  return deliver(
      options.common,
      {.text = one ? explanation_text(rows[0]) : explanations_text(rows),
       .json = explanations_json(make_header("explain", {}, false), rows),
       .verdict = fmt::format("PASS explain  {}", one ? std::string(rows[0].code)
                                                      : fmt::format("{} codes", rows.size()))});
}

}  // namespace

Verb add_explain(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("explain", "say what the code of a finding means");
  auto options = std::make_shared<Options>();
  verb->add_option("code", options->code, "such as PTQ-D011; without it all codes are listed");
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
