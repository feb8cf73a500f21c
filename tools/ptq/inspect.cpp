// ptq inspect: what is in a model. Works without the runtime library.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/log.h"
#include "onnx_io/read.h"
#include "ptq/error.h"
#include "report/model_summary.h"
#include "report/text_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  std::filesystem::path model;
};

int run(const Options& options) {
  const Model model = read_model(options.model);
  const ReportHeader header = make_header("inspect", {options.model}, false);
  Outcome outcome{
      .text = inspection_text(model, std::filesystem::file_size(options.model)),
      .json = inspection_json(header, model),
      .verdict = fmt::format("PASS inspect {}  {} nodes", printable(options.model.string()),
                             summarize_model(model).nodes)};
  return deliver(options.common, outcome);
}

}  // namespace

Verb add_inspect(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("inspect", "show what is in a model");
  auto options = std::make_shared<Options>();
  verb->add_option("model", options->model, "ONNX file")->required();
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
