#include "report/validation_report.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/layer_errors_report.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

constexpr size_t kLayersShown = 12;

std::string metric_value(const MetricResult& metric, double value) {
  return metric.unit == "%" ? fmt::format("{:.3f} %", value) : fmt::format("{:.5g}", value);
}

std::string metric_bounds(const MetricResult& metric) {
  if (metric.method == IntervalMethod::kNone) {
    return "-";
  }
  if (std::isinf(metric.interval.upper)) {
    return "too few samples";
  }
  return metric.unit == "%"
             ? fmt::format("{:.2f} to {:.2f}", metric.interval.lower, metric.interval.upper)
             : fmt::format("{:.4g} to {:.4g}", metric.interval.lower, metric.interval.upper);
}

std::string outputs_text(const Validation& validation) {
  TextTable outputs({{"output", Align::kLeft, 40},
                     {"SQNR", Align::kRight},
                     {"cosine", Align::kRight},
                     {"max error", Align::kRight},
                     {"mean error", Align::kRight},
                     {"worst sample", Align::kLeft, 30}});
  for (const OutputError& output : validation.outputs) {
    outputs.add_row(
        {output.name, decibel_text(output.sqnr_db), fmt::format("{:.6f}", output.cosine),
         fmt::format("{:.4g}", output.max_abs), fmt::format("{:.4g}", output.mean_abs),
         output.worst_sample.empty()
             ? std::string()
             : fmt::format("{} {}", decibel_text(output.worst_sqnr_db), output.worst_sample)});
  }
  return outputs.text();
}

std::string decisions_text(const Decisions& decisions) {
  std::string out = fmt::format("decisions        top-1 agrees on {:.3f} % of {}",
                                decisions.top1_percent(), decisions.rows);
  if (decisions.classes > 5) {
    out += fmt::format(", top-5 on {:.3f} %", decisions.top5_percent());
  }
  return out + fmt::format("; KL divergence {:.3g} nats in the mean, {:.3g} at most\n",
                           decisions.mean_kl, decisions.max_kl);
}

std::string task_text(const TaskResult& task) {
  TextTable table({{task.name, Align::kLeft, 40},
                   {"FP32", Align::kRight},
                   {"quantized", Align::kRight},
                   {"loss", Align::kRight},
                   {"std. error", Align::kRight},
                   {"interval", Align::kRight},
                   {"McNemar p", Align::kRight}});
  for (const MetricResult& metric : task.metrics) {
    const bool percent = metric.unit == "%";
    const bool paired = metric.method == IntervalMethod::kTango;
    table.add_row(
        {metric.title, metric_value(metric, metric.fp32), metric_value(metric, metric.quantized),
         percent ? fmt::format("{:+.2f}", metric.drop) : fmt::format("{:+.4g}", metric.drop),
         metric.method == IntervalMethod::kNone ? "-"
         : percent                              ? fmt::format("{:.2f}", metric.standard_error)
                                                : fmt::format("{:.3g}", metric.standard_error),
         metric_bounds(metric),
         paired ? fmt::format("{:.2g}{}", metric.mcnemar_p, metric.mcnemar_exact ? " exact" : "")
                : "-"});
  }
  std::string out = "\n" + table.text();
  if (!task.form.empty()) {
    out += fmt::format("  outputs read as {}\n", task.form);
  }
  if (task.flips) {
    out += fmt::format(
        "  {} decisions: {} right to wrong, {} wrong to right, {} wrong to another "
        "wrong\n",
        task.flips->decided, task.flips->broken, task.flips->repaired, task.flips->wrong_to_wrong);
  }
  return out;
}

std::string worst_text(const std::vector<WorstSample>& worst) {
  const bool classes = std::ranges::any_of(
      worst, [](const WorstSample& sample) { return sample.fp32_class && sample.quantized_class; });
  std::vector<TextTable::Column> columns = {{"worst samples", Align::kLeft, 40},
                                            {"output", Align::kLeft, 24},
                                            {"SQNR", Align::kRight},
                                            {"max error", Align::kRight}};
  if (classes) {
    columns.insert(columns.end(), {{"class", Align::kLeft}, {"label", Align::kRight}});
  }
  TextTable table(columns);
  for (const WorstSample& sample : worst) {
    std::vector<std::string> cells = {sample.name, sample.output, decibel_text(sample.sqnr_db),
                                      fmt::format("{:.4g}", sample.max_abs)};
    if (classes) {
      cells.push_back(sample.fp32_class ? fmt::format("{} -> {}", *sample.fp32_class,
                                                      sample.quantized_class.value_or(-1))
                                        : "");
      cells.push_back(sample.label ? fmt::format("{}", *sample.label) : "");
    }
    table.add_row(std::move(cells));
  }
  return table.empty() ? std::string() : "\n" + table.text();
}

// One row a line of at most kColumns characters, broken at blanks.
void add_wrapped(TextTable& table, std::vector<std::string> first, std::string_view text) {
  constexpr size_t kColumns = 72;
  while (!text.empty()) {
    size_t end = text.size();
    if (end > kColumns) {
      const size_t blank = text.rfind(' ', kColumns);
      end = blank == std::string_view::npos || blank == 0 ? std::min(text.find(' ', 1), text.size())
                                                          : blank;
    }
    first.emplace_back(text.substr(0, end));
    table.add_row(first);
    first.assign(first.size() - 1, std::string());
    text.remove_prefix(std::min(text.size(), end + 1));
  }
}

std::string gates_text(const std::vector<Gate>& gates) {
  TextTable table({{"gate", Align::kLeft, 30},
                   {"outcome", Align::kLeft},
                   {"what was found", Align::kLeft, 400}});
  for (const Gate& gate : gates) {
    std::string outcome(outcome_name(gate.outcome));
    std::ranges::transform(outcome, outcome.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    add_wrapped(table, {gate.name, outcome}, gate.text);
    if (!gate.cause.empty()) {
      add_wrapped(table, {"", ""}, "cause: " + gate.cause);
    }
  }
  return table.empty() ? std::string() : "\n" + table.text();
}

}  // namespace

std::string validation_text(const Validation& validation) {
  std::string out = fmt::format("{} samples\n{}", validation.samples, outputs_text(validation));
  if (validation.decisions) {
    out += decisions_text(*validation.decisions);
  }
  if (validation.task) {
    out += task_text(*validation.task);
  }
  out += worst_text(validation.worst);
  if (validation.layers) {
    out += "\n" + layer_errors_text(*validation.layers, kLayersShown);
  }
  if (!validation.findings.empty()) {
    out += "\nfindings\n";
  }
  for (const ValidationFinding& finding : validation.findings) {
    out += fmt::format("  {} {}: {}\n", finding.code, finding.severity, finding.message);
  }
  return out + gates_text(validation.gates);
}

std::string validation_figures(const Validation& validation) {
  std::string text;
  if (validation.task && !validation.task->metrics.empty()) {
    const MetricResult& metric = validation.task->metrics[validation.task->judged];
    text += metric.unit == "%"
                ? fmt::format("  {} {:.2f} -> {:.2f} %", metric.name, metric.fp32, metric.quantized)
                : fmt::format("  {} {:.5g} -> {:.5g}", metric.name, metric.fp32, metric.quantized);
  }
  const auto worst = std::ranges::min_element(validation.outputs, {}, &OutputError::sqnr_db);
  if (worst != validation.outputs.end()) {
    text += fmt::format("  SQNR {}", decibel_text(worst->sqnr_db));
  }
  text += fmt::format("  {} gate(s)", validation.gates.size());
  const auto missed = std::ranges::count_if(validation.gates, &Gate::blocks);
  const auto failed = std::ranges::find(validation.gates, GateOutcome::kFail, &Gate::outcome);
  const auto first = failed != validation.gates.end()
                         ? failed
                         : std::ranges::find_if(validation.gates, &Gate::blocks);
  if (missed > 0) {
    text += fmt::format(", {} not passed: {}: {}", missed, first->name,
                        printable(first->cause.empty() ? first->text : first->cause, 200));
  }
  return text;
}

}  // namespace ptq
