#pragma once
// What the verbs of the command line share: global options, progress, the frame around a verb.
// One thread (the main one), apart from `progress_bar`, which any thread may call.

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "ptq/pipeline.h"
#include "report/json_report.h"

namespace ptq::cli {

// What a CI system gets beside the JSON document.
struct ArtefactsCli {
  std::filesystem::path junit{};
  std::filesystem::path markdown{};
  bool github = false;
};

struct Common {
  std::string format = "text";       // text or json on stdout
  std::filesystem::path json_out{};  // the JSON document also as a file
  ArtefactsCli artefacts{};
  int threads = 0;
  bool verbose = false;
  bool quiet = false;
};

// --format, --json-out, --threads, -v, -q.
void add_common_options(CLI::App& verb, Common& common);

// --junit, --md, --github, for verbs that can fail a job.
void add_artefact_options(CLI::App& verb, ArtefactsCli& artefacts);
// Refuses paths that cannot be written, before the work. Throws as check_output_path.
void check_artefacts(const ArtefactsCli& artefacts);
// Writes what was asked for about a JSON document; annotations go to stderr.
void write_artefacts(const ArtefactsCli& artefacts, const std::string& json);

// What a verb has to say. `text` goes to stdout in text form, `json` in JSON form; `verdict` is the
// last line, on stdout in text form.
struct Outcome {
  std::string text{};
  std::string json{};
  std::string verdict{};  // "PASS quantize model.onnx …"
  bool passed = true;     // false: exit 1
};

// Prints the outcome as asked and returns the exit code. Throws Error{kEnvironment} when stdout or
// the JSON file cannot be written.
int deliver(const Common& common, const Outcome& outcome);

ReportHeader make_header(std::string verb, std::vector<std::filesystem::path> inputs,
                         bool used_runtime);

// Warnings go to stderr, one line each, and into the header.
void report_warnings(ReportHeader& header, const std::vector<std::string>& warnings);

// Draws "label [####....] 42/128  3.1/s  0:27 left  182 MiB" on a terminal, where stderr is one;
// else a line every 10 %. Silent when quiet.
Progress progress_bar(const std::string& label, const Common& common);

// Set by SIGINT / SIGTERM.
extern std::atomic<bool> stop_requested;
extern std::atomic<int> stop_signal;
void install_signal_handlers();

// A verb adds itself to the app; the returned function runs it after parsing and gives the exit
// code.
struct Verb {
  CLI::App* app = nullptr;
  std::function<int()> run{};
  Common* common = nullptr;  // lives as long as `run`
};
Verb add_inspect(CLI::App& app);
Verb add_calibrate(CLI::App& app);
Verb add_diagnose(CLI::App& app);
Verb add_coverage(CLI::App& app);
Verb add_select(CLI::App& app);
Verb add_quantize(CLI::App& app);
Verb add_validate(CLI::App& app);
Verb add_bench(CLI::App& app);
Verb add_instrument(CLI::App& app);
Verb add_merge(CLI::App& app);
Verb add_list(CLI::App& app);
Verb add_report(CLI::App& app);
Verb add_explain(CLI::App& app);
// Verbs of a group; `group` is the subcommand that they stand below.
Verb add_data_check(CLI::App& group);
Verb add_stats_show(CLI::App& group);

// Options that several verbs have.
struct DataOptionsCli {
  std::vector<std::string> data{};
  DataOptions options{};
};
void add_data_option(CLI::App& verb, DataOptionsCli& data, bool required,
                     const std::string& name = "--data");
// Input files and what --data names: all files, which an output must not replace, and for reports
// only what the arguments say themselves.
std::vector<std::filesystem::path> protected_paths(std::vector<std::filesystem::path> paths,
                                                   const DataOptionsCli& data);
std::vector<std::filesystem::path> reported_paths(const std::filesystem::path& model,
                                                  const DataOptionsCli& data);
// --estimator, --percentile, --ratio-preset, --low-ratio, --high-ratio, --veto-db, --keep-float.
struct PolicyCli {
  std::string estimator = "auto";
  std::string preset = "default";
  double percentile = 99.999;
  double low_ratio = -1.0;  // < 0: that of the preset
  double high_ratio = -1.0;
  std::vector<std::string> keep_float{};
  std::string target = "ort-x86";
  std::string weights = "auto";
  std::string granularity = "channel";
  bool assume_vnni = false;
  std::string effort = "default";
  std::vector<std::string> with_methods{};
  std::vector<std::string> without_methods{};
};
// --weight-granularity.
void add_granularity_option(CLI::App& verb, PolicyCli& policy);
// --effort, --with, --without.
void add_method_options(CLI::App& verb, PolicyCli& policy);
void add_policy_options(CLI::App& verb, PolicyCli& policy);
void add_target_option(CLI::App& verb, PolicyCli& policy);
QuantizeRequest make_request(const PolicyCli& policy, const Common& common);

// A recipe in a file, beside or instead of the options that make one.
struct RecipeCli {
  std::filesystem::path file{};
  std::filesystem::path save{};
};
// --recipe, --save-recipe.
void add_recipe_options(CLI::App& verb, RecipeCli& recipe);
// The recipe of the file in place of the one that the options of `verb` made. Throws Error{kUsage}
// when an option contradicts it.
void apply_recipe(const CLI::App& verb, const RecipeCli& recipe, QuantizeRequest& request);

// How a calibration runs.
struct MeasureCli {
  MeasureOptions options{};
  std::vector<std::string> states{};  // OUTPUT=INPUT
  std::string shard{};                // I/N
};
// --state.
void add_state_option(CLI::App& verb, MeasureCli& measure);
// --mask-input, --state.
void add_mask_options(CLI::App& verb, MeasureCli& measure);
// These, --batch and --max-memory.
void add_measure_options(CLI::App& verb, MeasureCli& measure);
// --checkpoint-every, --resume, --shard.
void add_resume_options(CLI::App& verb, MeasureCli& measure);
MeasureOptions measure_options(const MeasureCli& measure);

// Statistics from a file, for a verb that reads them.
struct StatsCli {
  std::filesystem::path path{};
  bool allow_stale = false;
};
// --stats, --allow-stale.
void add_stats_option(CLI::App& verb, StatsCli& stats);

// Where the statistics of a verb come from.
struct StatsRequest {
  const DataOptionsCli& data;
  StatsCli file{};
  const Target& target;
  const std::vector<std::string>& keep_float;
  MeasureOptions measure{};
  SampleSketches* sketches = nullptr;  // filled by a calibration, if there is one
};
// The statistics that the user gave, or a calibration on the samples that the user gave.
ActivationStats stats_for(const LoadedModel& model, const StatsRequest& request,
                          const Common& common, std::vector<std::string>& warnings);

// The outcome (exit code 1) for a model none of whose nodes can run in integers: the coverage list.
Outcome nothing_to_quantize(const ReportHeader& header, const LoadedModel& model,
                            const std::filesystem::path& path,
                            const std::vector<Decision>& decisions);

// MODEL with its extension replaced: "net.onnx" + ".int8.onnx" → "net.int8.onnx".
std::filesystem::path with_suffix(const std::filesystem::path& model, std::string_view suffix);

}  // namespace ptq::cli
