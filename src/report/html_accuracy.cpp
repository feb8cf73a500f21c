// Accuracy of the quantized model beside FP32: metrics of the task with their intervals, agreement,
// errors of the outputs and the worst samples.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;
using Form = LegendEntry::Form;

std::string with_unit(std::optional<double> value, std::string_view unit, int decimals) {
  return !value ? "–"
                : fixed_figure(*value, decimals) + (unit.empty() ? "" : " " + std::string(unit));
}

// Of a percentage in points, else as it is.
std::string drop_figure(const Json& metric, std::string_view path) {
  return with_unit(number_of(metric, path), "", text_of(metric, "unit") == "%" ? 2 : 4);
}

// The metric that a gate judges, else the first; a null value without any.
const Json& judged_metric(const Json& validate) {
  static const Json kNone;
  const Json& metrics = rows_of(validate, "task.metrics");
  const auto judged = std::ranges::find_if(metrics, [](const Json& metric) {
    const Json& flag = member_of(metric, "judged");
    return flag.is_boolean() && flag.get<bool>();
  });
  return judged != metrics.end() ? *judged : metrics.empty() ? kNone : metrics.front();
}

std::optional<double> drop_limit(const Json& validate) {
  for (const Json& gate : rows_of(validate, "gates")) {
    if (text_of(gate, "name") == "max-drop") {
      return finite_of(gate, "limit");
    }
  }
  return {};
}

// The drop with its bounds, zero and the gate.
std::string drop_plot(const Json& validate) {
  const Json& metric = judged_metric(validate);
  const auto drop = finite_of(metric, "drop");
  if (!drop) {
    return {};
  }
  const double low = finite_of(metric, "interval.lower").value_or(*drop);
  const double high = finite_of(metric, "interval.upper").value_or(*drop);
  const std::optional<double> limit = drop_limit(validate);
  double from = std::min({0.0, low, limit.value_or(0.0)});
  double to = std::max({0.0, high, limit.value_or(0.0)});
  const double margin = to > from ? 0.08 * (to - from) : 0.5;
  from -= margin;
  to += margin;
  const std::string_view unit = text_of(metric, "unit") == "%" ? ", percentage points" : "";
  const std::string title(text_of(metric, "title"));
  SvgPlot plot(
      exact_axis(fmt::format("drop of {}{} (right is worse)", title, unit), from, to),
      PlotAxis{.lo = 0.0, .hi = 1.0}, 60,
      fmt::format("Drop of {}: {}, bounds {} and {}", title, drop_figure(metric, "drop"),
                  drop_figure(metric, "interval.lower"), drop_figure(metric, "interval.upper")));
  plot.upright(0.0, "zero");
  std::vector<LegendEntry> legend = {{"drop", "int8", Form::kCircle}};
  if (high > low) {
    const double confidence = finite_of(metric, "confidence").value_or(0.95);
    plot.line({{low, 0.5}, {high, 0.5}}, "int8");
    legend.push_back({fmt::format("between its bounds, each with a confidence of {}",
                                  percent_figure(100.0 * confidence)),
                      "int8", Form::kLine});
  }
  if (limit) {
    plot.upright(*limit, "limit");
    legend.push_back({fmt::format("limit {}", fixed_figure(*limit, 2)), "limit", Form::kLine});
  }
  plot.marker(*drop, 0.5, Marker::kCircle, "int8", drop_figure(metric, "drop"));
  return plot.html() + plot_legend(legend);
}

std::string metric_table(const Json& validate) {
  const Json& metrics = rows_of(validate, "task.metrics");
  if (metrics.empty()) {
    return {};
  }
  HtmlTable table({{"metric", Kind::kText},
                   {"FP32", Kind::kNumber},
                   {"quantized", Kind::kNumber},
                   {"drop", Kind::kNumber},
                   {"standard error", Kind::kNumber},
                   {"lower bound", Kind::kNumber},
                   {"upper bound", Kind::kNumber},
                   {"McNemar p", Kind::kNumber},
                   {"method", Kind::kText}});
  for (const Json& metric : metrics) {
    const std::string_view unit = text_of(metric, "unit");
    const int decimals = unit == "%" ? 2 : 4;
    table.add_row({std::string(text_of(metric, "title")),
                   with_unit(number_of(metric, "fp32"), unit, decimals),
                   with_unit(number_of(metric, "quantized"), unit, decimals),
                   drop_figure(metric, "drop"), drop_figure(metric, "standard_error"),
                   drop_figure(metric, "interval.lower"), drop_figure(metric, "interval.upper"),
                   optional_figure(number_of(metric, "mcnemar.p_value"), 2),
                   std::string(text_of(metric, "method"))});
  }
  std::string note;
  const Json& flips = member_of(validate, "task.flips");
  const auto broken = count_of(flips, "right_to_wrong");
  const auto repaired = count_of(flips, "wrong_to_right");
  const auto decided = count_of(flips, "decided");
  if (broken && repaired && decided) {
    note = fmt::format("Of {} decisions {} became wrong, {} became right and {} another wrong one.",
                       count_figure(*decided), count_figure(*broken), count_figure(*repaired),
                       optional_count(finite_of(flips, "wrong_to_other_wrong")));
  }
  return table.html() + note_if(note);
}

std::string agreement_table(const Json& validate) {
  const Json& decisions = member_of(validate, "decisions");
  if (!decisions.is_object()) {
    return {};
  }
  HtmlTable table({{"output", Kind::kName},
                   {"decisions", Kind::kNumber},
                   {"classes", Kind::kNumber},
                   {"same first class", Kind::kNumber},
                   {"same first five", Kind::kNumber},
                   {"mean divergence, nat", Kind::kNumber},
                   {"largest", Kind::kNumber}});
  const auto percent = [&](std::string_view key) {
    return with_unit(number_of(decisions, key), "%", 2);
  };
  table.add_row(
      {std::string(text_of(decisions, "output")), optional_count(finite_of(decisions, "decisions")),
       optional_count(finite_of(decisions, "classes")), percent("top1_agreement_percent"),
       percent("top5_agreement_percent"), optional_figure(number_of(decisions, "kl_mean_nats")),
       optional_figure(number_of(decisions, "kl_max_nats"))});
  return "<h3>Agreement with FP32</h3>\n" + table.html();
}

std::string output_table(const Json& outputs, size_t top) {
  if (outputs.empty()) {
    return {};
  }
  HtmlTable table({{"output", Kind::kName},
                   {"SQNR", Kind::kNumber},
                   {"cosine", Kind::kNumber},
                   {"largest |error|", Kind::kNumber},
                   {"mean |error|", Kind::kNumber},
                   {"not finite", Kind::kNumber},
                   {"worst sample", Kind::kName},
                   {"its SQNR", Kind::kNumber}});
  for (size_t i = 0; i < shown_rows(outputs.size(), top); ++i) {
    const Json& row = outputs[i];
    const auto sqnr = number_of(row, "sqnr_db");
    const auto worst = number_of(row, "worst_sqnr_db");
    table.add_row(
        {std::string(text_of(row, "name")), sqnr ? decibel_figure(*sqnr) : "–",
         optional_figure(number_of(row, "cosine"), 6), optional_figure(number_of(row, "max_abs")),
         optional_figure(number_of(row, "mean_abs")), optional_count(number_of(row, "nonfinite")),
         std::string(text_of(row, "worst_sample")), worst ? decibel_figure(*worst) : "–"});
  }
  return "<h3>Error of the outputs</h3>\n" + table.html() + more_rows(outputs.size(), top);
}

std::string worst_table(const Json& worst, size_t top) {
  if (worst.empty()) {
    return {};
  }
  HtmlTable table({{"sample", Kind::kName},
                   {"output", Kind::kName},
                   {"SQNR", Kind::kNumber},
                   {"largest |error|", Kind::kNumber},
                   {"FP32 says", Kind::kNumber},
                   {"quantized says", Kind::kNumber},
                   {"label", Kind::kNumber}});
  const auto whole = [](const Json& row, std::string_view key) {
    const auto value = finite_of(row, key);
    return value ? fixed_figure(*value, 0) : std::string("–");
  };
  for (size_t i = 0; i < shown_rows(worst.size(), top); ++i) {
    const Json& row = worst[i];
    const auto sqnr = number_of(row, "sqnr_db");
    table.add_row({std::string(text_of(row, "sample")), std::string(text_of(row, "output")),
                   sqnr ? decibel_figure(*sqnr) : "–", optional_figure(number_of(row, "max_abs")),
                   whole(row, "fp32_class"), whole(row, "quantized_class"), whole(row, "label")});
  }
  return "<h3>Worst samples</h3>\n" + table.html() + more_rows(worst.size(), top);
}

// Which samples these figures rest on.
std::string sample_note(const Json& validate) {
  const auto samples = count_of(validate, "summary.samples");
  if (!samples) {
    return {};
  }
  std::string note =
      fmt::format("Over {} samples, both models on the same ones.", count_figure(*samples));
  const Json& hygiene = member_of(validate, "hygiene");
  const auto overlap = count_of(hygiene, "overlap");
  if (hygiene.is_object() && overlap) {
    note += member_of(hygiene, "calibration").is_null()
                ? " Whether the model was calibrated on some of them was not checked."
                : fmt::format(" {} of them were calibrated on.",
                              *overlap == 0 ? "None" : count_figure(*overlap));
  }
  return html_note(note);
}

}  // namespace

HtmlSection accuracy_section(const ReportDocuments& documents, size_t top) {
  const Json& validate = documents.of(ReportKind::kValidate);
  return {.id = "accuracy",
          .title = "Accuracy against FP32",
          .body = drop_plot(validate) + metric_table(validate) + agreement_table(validate) +
                  output_table(rows_of(validate, "outputs"), top) +
                  worst_table(rows_of(validate, "worst"), top) + sample_note(validate),
          .source = "ptq validate FP32 QUANTIZED --data SAMPLES --json-out FILE"};
}

}  // namespace ptq
