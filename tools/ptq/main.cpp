// The command line: parse, run one verb, turn an Error into its exit code.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "core/log.h"
#include "core/nearest_name.h"
#include "ptq/error.h"

namespace {

using ptq::Error;
using ptq::ErrorCode;

constexpr int kUsageExit = static_cast<int>(ErrorCode::kUsage);

// "data check" for the verb `check` of the group `data`; "" for the program itself.
std::string verb_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) {
    return {};
  }
  const std::string before = verb_name(*parent);
  return before.empty() ? app.get_name() : before + " " + app.get_name();
}

// CLI11's message, with a suggestion for a verb or an option that is nearly right.
std::string usage_message(const CLI::ParseError& error, const CLI::App& app,
                          const std::vector<std::string>& words) {
  const CLI::App* active = &app;
  size_t depth = 0;
  for (; !active->get_subcommands().empty(); ++depth) {
    active = active->get_subcommands().front();
  }
  std::vector<std::string> names;
  for (const CLI::App* verb : active->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  if (!names.empty() && depth < words.size() && !words[depth].starts_with("-") &&
      std::ranges::find(names, words[depth]) == names.end()) {
    const std::string group = depth == 0 ? "" : verb_name(*active) + " ";
    const std::string hint = ptq::nearest_name(words[depth], names);
    return fmt::format("there is no verb '{}{}'{}", group, ptq::printable(words[depth]),
                       hint.empty() ? fmt::format("; ptq {}--help lists the verbs", group)
                                    : fmt::format("; did you mean '{}{}'?", group, hint));
  }
  std::string message = error.what();
  std::ranges::replace(message, '\n', ' ');
  if (active != &app) {
    std::vector<std::string> options;
    for (const CLI::Option* option : active->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        options.push_back("--" + name);
      }
    }
    for (const std::string& word : words) {
      const std::string name = word.substr(0, word.find('='));
      if (name.starts_with("--") && std::ranges::find(options, name) == options.end()) {
        const std::string hint = ptq::nearest_name(name, options);
        message = fmt::format("{} has no option {}{}", verb_name(*active), ptq::printable(name),
                              hint.empty() ? "" : fmt::format("; did you mean {}?", hint));
      }
    }
    message += fmt::format(" (ptq {} --help shows the {})", verb_name(*active),
                           names.empty() ? "options" : "verbs");
  }
  return message;
}

// `artefacts`: those that the verb was asked for are written, with the error in them.
int fail(const ptq::cli::Verb* verb, int exit_code, const std::string& message,
         bool artefacts = false) {
  std::fputs(fmt::format("ptq: error: {}\n", message).c_str(), stderr);
  if (verb == nullptr) {
    return exit_code;
  }
  const std::string document = ptq::error_json(verb_name(*verb->app), exit_code, message);
  try {
    if (artefacts) {
      ptq::cli::write_artefacts(verb->common->artefacts, document);
    }
  } catch (const Error& error) {
    std::fputs(fmt::format("ptq: error: {}\n", error.what()).c_str(), stderr);
  }
  if (verb->common->format == "json") {
    std::fputs(document.c_str(), stdout);
    std::fflush(stdout);
  }
  return exit_code;
}

int run_verb(const ptq::cli::Verb& verb) {
  ptq::set_log_level(verb.common->quiet     ? ptq::LogLevel::kError
                     : verb.common->verbose ? ptq::LogLevel::kInfo
                                            : ptq::LogLevel::kWarn);
  bool artefacts = false;  // can be written
  try {
    if (!verb.common->json_out.empty()) {  // said before the work, not after it
      ptq::check_output_path(verb.common->json_out, {}, true);
    }
    ptq::cli::check_artefacts(verb.common->artefacts);
    artefacts = true;
    return verb.run();
  } catch (const Error& error) {
    const int code = error.code() == ErrorCode::kInterrupted && ptq::cli::stop_signal != 0
                         ? 128 + ptq::cli::stop_signal
                         : static_cast<int>(error.code());
    return fail(&verb, code, error.what(), artefacts);
  } catch (const std::bad_alloc&) {
    return fail(&verb, static_cast<int>(ErrorCode::kEnvironment), "out of memory", artefacts);
  } catch (const std::exception& error) {
    return fail(&verb, static_cast<int>(ErrorCode::kInternal),
                fmt::format("unexpected: {}; this is a defect of ptq, please report it",
                            ptq::printable(error.what())),
                artefacts);
  }
}

int run(int argc, char** argv) {
  CLI::App app("Post-training quantization of ONNX models: measure, diagnose, quantize, prove.");
  app.name("ptq");
  app.set_version_flag("--version", "ptq " PTQ_VERSION);
  app.require_subcommand(1);
  app.footer(
      "\nExit codes: 0 done and gates passed, 1 a gate missed or nothing to quantize, 2 usage,\n"
      "3 input refused, 4 environment, 5 the runtime failed, 70 a defect of ptq, 130/143 "
      "interrupted.");
  CLI::App* data = app.add_subcommand("data", "verbs about samples: check");
  CLI::App* stats = app.add_subcommand("stats", "verbs about statistics files: show");
  data->require_subcommand(1);
  stats->require_subcommand(1);
  const std::vector<ptq::cli::Verb> verbs = {
      ptq::cli::add_inspect(app),      ptq::cli::add_calibrate(app),
      ptq::cli::add_diagnose(app),     ptq::cli::add_quantize(app),
      ptq::cli::add_validate(app),     ptq::cli::add_bench(app),
      ptq::cli::add_coverage(app),     ptq::cli::add_select(app),
      ptq::cli::add_instrument(app),   ptq::cli::add_merge(app),
      ptq::cli::add_list(app),         ptq::cli::add_explain(app),
      ptq::cli::add_data_check(*data), ptq::cli::add_stats_show(*stats),
      ptq::cli::add_report(app)};
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    if (words.empty()) {
      std::fputs(app.help().c_str(), stderr);
      return kUsageExit;
    }
    return fail(nullptr, kUsageExit, usage_message(error, app, words));
  }
  for (const ptq::cli::Verb& verb : verbs) {
    if (verb.app->parsed()) {
      return run_verb(verb);
    }
  }
  return kUsageExit;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ptq::cli::install_signal_handlers();
    return run(argc, argv);
  } catch (...) {
    std::fputs("ptq: error: unexpected failure; this is a defect of ptq, please report it\n",
               stderr);
    return static_cast<int>(ErrorCode::kInternal);
  }
}
