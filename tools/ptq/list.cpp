// ptq list: the tables that options choose from.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "plan/op_rules.h"
#include "report/table.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  std::string table = "all";
};

std::string estimators_text() {
  TextTable table({{"estimator"}, {"what it does", TextTable::Align::kLeft, 90}});
  for (const RangeEstimator& estimator : range_estimators()) {
    table.add_row({std::string(estimator.name), std::string(estimator.summary)});
  }
  return table.text();
}

std::string targets_text() {
  TextTable table({{"target"},
                   {"activations"},
                   {"weights"},
                   {"biases"},
                   {"what it is", TextTable::Align::kLeft, 90}});
  for (const Target& target : targets()) {
    table.add_row({std::string(target.name),
                   fmt::format("{}{}", dtype_name(target.activation.dtype),
                               target.activation.symmetric ? " symmetric" : ""),
                   std::string(weight_form_name(target.weight_form)),
                   target.integer_bias ? "int32" : "float32", std::string(target.summary)});
  }
  return table.text();
}

std::string methods_text() {
  TextTable table({{"method"}, {"from effort"}, {"what it does", TextTable::Align::kLeft, 90}});
  for (const MethodInfo& info : methods()) {
    table.add_row({std::string(info.name),
                   info.only_asked ? std::string("--with") : std::string(effort_name(info.from)),
                   std::string(info.summary)});
  }
  return table.text();
}

// What each target does with each operator; one that is not listed stays in float.
std::string operators_text() {
  std::vector<TextTable::Column> columns = {{"operator"}};
  for (const Target& target : targets()) {
    columns.push_back({std::string(target.name)});
  }
  TextTable table(std::move(columns));
  for (const OpRule& rule : op_rules()) {
    std::vector<std::string> row = {std::string(rule.op)};
    for (const Target& target : targets()) {
      row.emplace_back(kernel_text(rule, target));
    }
    table.add_row(std::move(row));
  }
  return table.text() + "  Other operators stay in float on every target.\n";
}

int run(const Options& options) {
  const std::string text = options.table == "targets" ? targets_text() + "\n" + operators_text()
                           : options.table == "estimators" ? estimators_text()
                           : options.table == "methods"
                               ? methods_text()
                               : estimators_text() + "\n" + methods_text() + "\n" + targets_text();
  return deliver(
      options.common,
      {.text = text,
       .json = tables_json(make_header("list", {}, false)),
       .verdict = fmt::format("PASS list  {} estimators, {} methods, {} targets",
                              range_estimators().size(), methods().size(), targets().size())});
}

}  // namespace

Verb add_list(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("list", "list range estimators, methods and targets");
  auto options = std::make_shared<Options>();
  verb->add_option(
          "table", options->table,
          "all, estimators, methods, or targets with what each does with each operator [all]")
      ->check(CLI::IsMember({"all", "estimators", "methods", "targets"}));
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
