#include <cmath>
#include <fstream>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/json_document.h"
#include "report/json_fields.h"
#include "report/layer_errors_report.h"
#include "report/validation_report.h"

namespace ptq {
namespace {

Json interval_json(const Interval& interval) {
  return {{"lower", number(interval.lower)}, {"upper", number(interval.upper)}};
}

Json outputs_json(const std::vector<OutputError>& outputs) {
  Json rows = Json::array();
  for (const OutputError& output : outputs) {
    rows.push_back({{"name", output.name},
                    {"sqnr_db", number(output.sqnr_db)},
                    {"cosine", number(output.cosine)},
                    {"max_abs", number(output.max_abs)},
                    {"mean_abs", number(output.mean_abs)},
                    {"values", output.values},
                    {"nonfinite", output.nonfinite},
                    {"fp32_nonfinite", output.fp32_nonfinite},
                    {"worst_sample", output.worst_sample},
                    {"worst_sqnr_db", number(output.worst_sqnr_db)}});
  }
  return rows;
}

Json decisions_json(const Decisions& decisions) {
  return {{"output", decisions.output},
          {"decisions", decisions.rows},
          {"classes", decisions.classes},
          {"top1_agreement_percent", number(decisions.top1_percent())},
          {"top5_agreement_percent", number(decisions.top5_percent())},
          {"kl_mean_nats", number(decisions.mean_kl)},
          {"kl_max_nats", number(decisions.max_kl)},
          {"probabilities", decisions.probabilities}};
}

Json flips_json(const Flips& flips) {
  return {{"decided", flips.decided},
          {"fp32_correct", flips.fp32_correct},
          {"quantized_correct", flips.quantized_correct},
          {"right_to_wrong", flips.broken},
          {"wrong_to_right", flips.repaired},
          {"wrong_to_other_wrong", flips.wrong_to_wrong}};
}

Json metric_json(const MetricResult& metric, bool judged) {
  const bool bounded = metric.method != IntervalMethod::kNone;
  Json row = {{"name", metric.name},
              {"title", metric.title},
              {"unit", metric.unit},
              {"judged", judged},
              {"higher_is_better", metric.higher_is_better},
              {"fp32", number(metric.fp32)},
              {"quantized", number(metric.quantized)},
              {"drop", number(metric.drop)},
              {"standard_error", bounded ? number(metric.standard_error) : Json(nullptr)},
              {"method", method_name(metric.method)},
              {"confidence", number(metric.confidence)},
              {"interval", bounded ? interval_json(metric.interval) : Json(nullptr)},
              {"resamples", metric.resamples}};
  row["mcnemar"] = metric.method == IntervalMethod::kTango
                       ? Json{{"broken", metric.broken},
                              {"repaired", metric.repaired},
                              {"p_value", number(metric.mcnemar_p)},
                              {"exact", metric.mcnemar_exact}}
                       : Json(nullptr);
  return row;
}

Json task_json(const TaskResult& task) {
  Json metrics = Json::array();
  for (size_t i = 0; i < task.metrics.size(); ++i) {
    metrics.push_back(metric_json(task.metrics[i], i == task.judged));
  }
  return {{"name", task.name},
          {"form", task.form},
          {"samples", task.samples},
          {"metrics", std::move(metrics)},
          {"flips", task.flips ? flips_json(*task.flips) : Json(nullptr)}};
}

Json worst_json(const std::vector<WorstSample>& worst) {
  const auto class_json = [](const std::optional<int64_t>& value) {
    return value ? Json(*value) : Json(nullptr);
  };
  Json rows = Json::array();
  for (const WorstSample& sample : worst) {
    rows.push_back({{"sample", sample.name},
                    {"output", sample.output},
                    {"sqnr_db", number(sample.sqnr_db)},
                    {"max_abs", number(sample.max_abs)},
                    {"fp32_class", class_json(sample.fp32_class)},
                    {"quantized_class", class_json(sample.quantized_class)},
                    {"label", class_json(sample.label)},
                    {"file", sample.file}});
  }
  return rows;
}

Json hygiene_json(const Hygiene& hygiene) {
  return {{"duplicates", hygiene.duplicates},
          {"calibration", hygiene.calibration.empty() ? Json(nullptr) : Json(hygiene.calibration)},
          {"calibration_samples", hygiene.calibration_samples},
          {"overlap", hygiene.overlap},
          {"overlapping", hygiene.overlapping}};
}

Json quartiles_json(const Quartiles& times) {
  return {{"lower", number(times.lower)},
          {"median", number(times.median)},
          {"upper", number(times.upper)},
          {"spread", number(times.spread())}};
}

Json gates_json(const std::vector<Gate>& gates) {
  Json rows = Json::array();
  for (const Gate& gate : gates) {
    rows.push_back({{"name", gate.name},
                    {"output", gate.output},
                    {"target", gate.target},
                    {"limit", number(gate.limit)},
                    {"measured", number(gate.measured)},
                    {"unit", gate.unit},
                    {"outcome", outcome_name(gate.outcome)},
                    {"passed", !gate.blocks},
                    {"interval", gate.interval ? interval_json(*gate.interval) : Json(nullptr)},
                    {"samples_needed", gate.samples_needed},
                    {"cause", gate.cause},
                    {"text", gate.text}});
  }
  return rows;
}

// The figures that the page of `ptq report` shows first.
Json summary_json(const Validation& validation) {
  Json summary = {{"verdict", validation.verdict()},
                  {"samples", validation.samples},
                  {"fp32_bytes", validation.fp32_bytes},
                  {"quantized_bytes", validation.quantized_bytes}};
  if (validation.decisions) {
    summary["agreement_percent"] = number(validation.decisions->top1_percent());
  }
  if (validation.integer_share) {
    summary["integer_share"] = number(*validation.integer_share);
  }
  const bool scored = validation.task && !validation.task->metrics.empty();
  if (scored && validation.task->metrics.front().name == "top1") {
    const MetricResult& top1 = validation.task->metrics.front();
    summary["labels"] = {{"samples", validation.task->samples},
                         {"fp32_percent", number(top1.fp32)},
                         {"quantized_percent", number(top1.quantized)},
                         {"drop_points", number(top1.drop)},
                         {"drop_standard_error", number(top1.standard_error)},
                         {"broken", top1.broken},
                         {"repaired", top1.repaired}};
  }
  return summary;
}

Json settings_json(const ValidationSettings& settings) {
  return {{"threads", settings.threads},
          {"runtime_opt", settings.runtime_opt},
          {"accuracy_level",
           settings.accuracy_level < 0 ? Json(nullptr) : Json(settings.accuracy_level)},
          {"confidence", number(settings.confidence)},
          {"on_inconclusive", settings.on_inconclusive},
          {"seed", settings.seed},
          {"sample_fingerprint", settings.sample_fingerprint}};
}

}  // namespace

std::string validation_json(const ReportHeader& header, const Validation& validation) {
  Json document = start_document(header);
  document["status"] = validation.passed() ? "pass" : "fail";
  document["summary"] = summary_json(validation);
  document["settings"] = settings_json(validation.settings);
  document["outputs"] = outputs_json(validation.outputs);
  document["decisions"] =
      validation.decisions ? decisions_json(*validation.decisions) : Json(nullptr);
  document["task"] = validation.task ? task_json(*validation.task) : Json(nullptr);
  document["worst"] = worst_json(validation.worst);
  document["layers"] = validation.layers ? layer_rows_json(*validation.layers) : Json::array();
  document["layer_summary"] =
      validation.layers ? layer_summary_json(*validation.layers) : Json(nullptr);
  document["hygiene"] = hygiene_json(validation.hygiene);
  document["speed"] =
      validation.benchmark
          ? Json{{"runs", validation.benchmark->runs},
                 {"threads", validation.benchmark->threads},
                 {"fp32_ms", quartiles_json(validation.benchmark->fp32_ms)},
                 {"quantized_ms", quartiles_json(validation.benchmark->quantized_ms)},
                 {"speedup", quartiles_json(validation.benchmark->speedup)}}
          : Json(nullptr);
  document["findings"] = Json::array();
  for (const ValidationFinding& finding : validation.findings) {
    document["findings"].push_back(
        {{"code", finding.code}, {"severity", finding.severity}, {"message", finding.message}});
  }
  document["gates"] = gates_json(validation.gates);
  return dump(document);
}

ValidationBaseline read_baseline(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const Json document = in ? Json::parse(in, nullptr, false) : Json();
  if (!document.is_object() || text_of(document, "schema") != "ptq.validate/1") {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: expected a document of `ptq validate --json-out` (schema "
                            "ptq.validate/1), found {}",
                            printable(path.string()),
                            !in                    ? "no such file"
                            : document.is_object() ? "another schema"
                                                   : "no JSON object"));
  }
  ValidationBaseline baseline{.name = path.string()};
  for (const Json& output : rows_of(document, "outputs")) {
    if (const auto sqnr = number_of(output, "sqnr_db")) {
      baseline.sqnr_db.emplace(text_of(output, "name"), *sqnr);
    }
  }
  for (const Json& metric : rows_of(member_of(document, "task"), "metrics")) {
    const Json& judged = member_of(metric, "judged");
    if (judged.is_boolean() && judged.get<bool>()) {
      baseline.metric = text_of(metric, "name");
      baseline.drop = number_of(metric, "drop").value_or(0.0);
    }
  }
  if (baseline.sqnr_db.empty()) {
    throw Error(ErrorCode::kInput, fmt::format("{}: the document has no outputs to compare with",
                                               printable(path.string())));
  }
  return baseline;
}

}  // namespace ptq
