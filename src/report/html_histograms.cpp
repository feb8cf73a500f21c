// Histograms of the worst tensors, with the range that each estimator would keep.

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

constexpr size_t kShownHistograms = 6;
constexpr size_t kMostBins = 512;

struct EstimatorLook {
  std::string_view name;
  std::string_view style;
};

constexpr std::array<EstimatorLook, 4> kEstimators = {
    {{"absmax", "s0"}, {"percentile", "s1"}, {"mse", "s2"}, {"kl", "s3"}}};

struct TensorPicture {
  std::string_view name{};
  double min = 0.0;
  double max = 0.0;
  std::vector<double> counts{};
  const Json* diagnosis = nullptr;  // null where no document has one
  const Json* predicted = nullptr;  // ranges of all estimators, of the layer that reads it
  double badness = 0.0;
};

// The range of one estimator at 8 bits; a null value where no document has it.
const Json& range_of(const TensorPicture& tensor, std::string_view estimator) {
  static const Json kNone;
  for (const auto& [document, path] :
       {std::pair(tensor.diagnosis, "candidates"), std::pair(tensor.predicted, "predicted_8bit")}) {
    const Json& range =
        document == nullptr ? kNone : member_of(member_of(*document, path), estimator);
    if (range.is_object()) {
      return range;
    }
  }
  return kNone;
}

// Empty where the row has no histogram that can be drawn.
std::optional<TensorPicture> tensor_of(const Json& row) {
  const auto min = finite_of(row, "histogram.min");
  const auto max = finite_of(row, "histogram.max");
  const Json& counts = rows_of(row, "histogram.counts");
  if (!min || !max || !(*max > *min) || counts.empty() || counts.size() > kMostBins) {
    return {};
  }
  TensorPicture tensor{.name = text_of(row, "name"), .min = *min, .max = *max};
  for (const Json& count : counts) {
    tensor.counts.push_back(count.is_number() ? std::max(0.0, count.get<double>()) : 0.0);
  }
  return tensor;
}

// Of diagnose, statistics and quantize; the worst first: those of low SQNR, then of high ratio.
std::vector<TensorPicture> worst_tensors(const ReportDocuments& documents) {
  std::unordered_map<std::string_view, const Json*> diagnoses;
  for (const ReportKind kind : {ReportKind::kDiagnose, ReportKind::kQuantize}) {
    for (const Json& row : rows_of(documents.of(kind), "tensors")) {
      diagnoses.emplace(text_of(row, "name"), &row);
    }
  }
  std::unordered_map<std::string_view, const Json*> predicted;
  for (const Json& layer : rows_of(documents.of(ReportKind::kDiagnose), "layers")) {
    predicted.emplace(text_of(layer, "activation"), &layer);
  }
  std::unordered_map<std::string_view, TensorPicture> found;
  for (const ReportKind kind : {ReportKind::kDiagnose, ReportKind::kStats}) {
    for (const Json& row : rows_of(documents.of(kind), "tensors")) {
      if (auto tensor = tensor_of(row)) {
        const auto diagnosis = diagnoses.find(tensor->name);
        tensor->diagnosis = diagnosis == diagnoses.end() ? nullptr : diagnosis->second;
        const auto layer = predicted.find(tensor->name);
        tensor->predicted = layer == predicted.end() ? nullptr : layer->second;
        tensor->badness = tensor->diagnosis == nullptr
                              ? finite_of(row, "outlier_ratio").value_or(0.0) - 1e6
                              : -finite_of(*tensor->diagnosis, "sqnr_db_8bit").value_or(1e3);
        found.emplace(tensor->name, std::move(*tensor));
      }
    }
  }
  std::vector<TensorPicture> tensors;
  for (auto& [name, tensor] : found) {
    tensors.push_back(std::move(tensor));
  }
  std::ranges::sort(tensors, [](const TensorPicture& a, const TensorPicture& b) {
    return a.badness != b.badness ? a.badness > b.badness : a.name < b.name;
  });
  return tensors;
}

std::string histogram_table(const TensorPicture& tensor) {
  HtmlTable table({{"from", Kind::kNumber}, {"to", Kind::kNumber}, {"values", Kind::kNumber}});
  const double width = (tensor.max - tensor.min) / static_cast<double>(tensor.counts.size());
  for (size_t i = 0; i < tensor.counts.size(); ++i) {
    if (tensor.counts[i] > 0.0) {
      const double from = tensor.min + width * static_cast<double>(i);
      table.add_row({figure(from), figure(from + width), fmt::format("{:.0f}", tensor.counts[i])});
    }
  }
  return table.folded("Data of the plot");
}

std::string range_table(const TensorPicture& tensor) {
  HtmlTable table({{"estimator", Kind::kText},
                   {"from", Kind::kNumber},
                   {"to", Kind::kNumber},
                   {"clipped", Kind::kNumber},
                   {"SQNR, 8 bit", Kind::kNumber}});
  const std::string_view chosen =
      tensor.diagnosis == nullptr ? "" : text_of(*tensor.diagnosis, "estimator");
  for (const EstimatorLook& look : kEstimators) {
    const Json& range = range_of(tensor, look.name);
    if (!range.is_object()) {
      continue;
    }
    const auto clipped = finite_of(range, "clipped_fraction");
    const auto db = number_of(range, "sqnr_db");
    table.add_row({std::string(look.name) + (look.name == chosen ? " (chosen)" : ""),
                   optional_figure(number_of(range, "lo")), optional_figure(number_of(range, "hi")),
                   clipped ? percent_figure(100.0 * *clipped) : "–",
                   db ? decibel_figure(*db) : "–"});
  }
  return table.empty() ? std::string() : table.html();
}

void draw_ranges(const TensorPicture& tensor, SvgPlot& plot) {
  for (const EstimatorLook& look : kEstimators) {
    const Json& range = range_of(tensor, look.name);
    for (const std::string_view side : {"lo", "hi"}) {
      const auto edge = finite_of(range, side);
      if (edge && *edge != 0.0) {  // 0 is the end of a range only because nothing lies beyond it
        plot.upright(*edge, fmt::format("cut {}", look.style));
      }
    }
  }
}

std::string histogram_figure(const TensorPicture& tensor) {
  const double most = *std::ranges::max_element(tensor.counts);
  PlotAxis counts = log_axis("values in a bin, logarithmic", 1.0, std::max(most, 10.0), 4);
  counts.lo = 0.5;  // so that a single value shows
  SvgPlot plot(exact_axis("value of the activation", std::min(tensor.min, 0.0),
                          std::max(tensor.max, 0.0), 4),
               std::move(counts), 170, fmt::format("Histogram of {}", tensor.name));
  const double width = (tensor.max - tensor.min) / static_cast<double>(tensor.counts.size());
  for (size_t i = 0; i < tensor.counts.size(); ++i) {
    const double from = tensor.min + width * static_cast<double>(i);
    if (tensor.counts[i] > 0.0) {
      plot.bar(from, from + width, 0.0, tensor.counts[i], "hist");
    }
  }
  draw_ranges(tensor, plot);
  std::string facts;
  if (tensor.diagnosis != nullptr) {
    facts = fmt::format("{}; outlier ratio {}", text_of(*tensor.diagnosis, "severity"),
                        optional_figure(finite_of(*tensor.diagnosis, "outlier_ratio")));
  }
  return fmt::format("<figure><figcaption><b class=\"id\">{}</b>{}</figcaption>\n{}{}{}</figure>\n",
                     html_path(tensor.name), html_text(facts), plot.html(), range_table(tensor),
                     histogram_table(tensor));
}

}  // namespace

HtmlSection histogram_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "histograms",
                      .title = "Histograms of the worst tensors",
                      .source =
                          "ptq diagnose MODEL --stats S --json-out FILE or ptq stats show S "
                          "--json-out FILE"};
  const std::vector<TensorPicture> tensors = worst_tensors(documents);
  if (tensors.empty()) {
    return section;
  }
  std::vector<LegendEntry> legend;
  for (const EstimatorLook& look : kEstimators) {
    if (std::ranges::any_of(tensors, [&](const TensorPicture& tensor) {
          return range_of(tensor, look.name).is_object();
        })) {
      legend.push_back(
          {std::string(look.name), fmt::format("cut {}", look.style), LegendEntry::Form::kLine});
    }
  }
  section.body =
      "<p class=\"lead\">Values beyond a line would be clipped by the range of that "
      "estimator.</p>\n" +
      (legend.empty() ? std::string() : plot_legend(legend)) + "<div class=\"small\">\n";
  const size_t limit = top == 0 ? kShownHistograms : std::min(top, kShownHistograms);
  for (size_t i = 0; i < std::min(tensors.size(), limit); ++i) {
    section.body += histogram_figure(tensors[i]);
  }
  section.body += "</div>\n";
  return section;
}

}  // namespace ptq
