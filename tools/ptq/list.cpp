// ptq list: the tables that options choose from.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "report/table.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
};

int run(const Options& options) {
  TextTable estimators({{"estimator"}, {"what it does", TextTable::Align::kLeft, 90}});
  for (const RangeEstimator& estimator : range_estimators()) {
    estimators.add_row({std::string(estimator.name), std::string(estimator.summary)});
  }
  TextTable target_table({{"target"}, {"weights"}, {"what it is", TextTable::Align::kLeft, 90}});
  for (const Target& target : targets()) {
    target_table.add_row({std::string(target.name),
                          std::string(weight_form_name(target.weight_form)),
                          std::string(target.summary)});
  }
  return deliver(options.common,
                 {.text = estimators.text() + "\n" + target_table.text(),
                  .json = tables_json(make_header("list", {}, false)),
                  .verdict = fmt::format("PASS list  {} estimators, {} targets",
                                         range_estimators().size(), targets().size())});
}

}  // namespace

Verb add_list(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("list", "list range estimators and targets");
  auto options = std::make_shared<Options>();
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
