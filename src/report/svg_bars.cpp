// Plots without axes: labelled bars and a bar of shares.

#include <algorithm>

#include <fmt/format.h>

#include "report/html_text.h"
#include "report/svg_plot.h"

namespace ptq {

std::string bar_rows(const std::vector<LabelledBar>& bars, std::string_view description) {
  double largest = 0.0;
  for (const LabelledBar& bar : bars) {
    largest = std::max({largest, bar.value, bar.high});
  }
  if (largest <= 0.0) {
    return {};
  }
  constexpr int kRow = 44;  // pixels
  const auto percent = [&](double value) { return 100.0 * value / largest; };
  std::string out = fmt::format(
      "<svg class=\"bars\" width=\"100%\" height=\"{}\" role=\"img\" aria-label=\"{}\">\n",
      kRow * static_cast<int>(bars.size()), html_text(description));
  int y = 0;
  for (const LabelledBar& bar : bars) {
    out += fmt::format(
        "<text x=\"0\" y=\"{}\" class=\"label\">{}</text>"
        "<text x=\"100%\" y=\"{}\" class=\"label end value\">{}</text>"
        "<rect x=\"0\" y=\"{}\" width=\"100%\" height=\"14\" rx=\"3\" class=\"track\"/>"
        "<rect x=\"0\" y=\"{}\" width=\"{:.2f}%\" height=\"14\" rx=\"3\" class=\"{}\"/>\n",
        y + 14, html_name(bar.label, 28), y + 14, html_text(bar.figure), y + 21, y + 21,
        percent(bar.value), bar.style);
    if (bar.high > bar.low) {
      out += fmt::format(
          "<line x1=\"{0:.2f}%\" x2=\"{1:.2f}%\" y1=\"{2}\" y2=\"{2}\" class=\"whisker\"/>"
          "<line x1=\"{0:.2f}%\" x2=\"{0:.2f}%\" y1=\"{3}\" y2=\"{4}\" class=\"whisker\"/>"
          "<line x1=\"{1:.2f}%\" x2=\"{1:.2f}%\" y1=\"{3}\" y2=\"{4}\" class=\"whisker\"/>\n",
          percent(bar.low), percent(bar.high), y + 28, y + 24, y + 32);
    }
    y += kRow;
  }
  return out + "</svg>\n";
}

std::string stacked_bar(const std::vector<BarShare>& shares, std::string_view description) {
  double total = 0.0;
  for (const BarShare& share : shares) {
    total += share.value;
  }
  if (total <= 0.0) {
    return {};
  }
  std::string out = fmt::format(
      "<svg class=\"bars\" width=\"100%\" height=\"22\" role=\"img\" aria-label=\"{}\">\n",
      html_text(description));
  std::vector<LegendEntry> legend;
  double left = 0.0;
  for (const BarShare& share : shares) {
    if (share.value > 0.0) {
      out += fmt::format(
          "<rect x=\"{:.2f}%\" y=\"0\" width=\"{:.2f}%\" height=\"22\" class=\"{} slice\">"
          "<title>{}</title></rect>\n",
          100.0 * left / total, 100.0 * share.value / total, share.style,
          html_text(share.label + ": " + share.figure));
      left += share.value;
      legend.push_back({share.label + ": " + share.figure, share.style, LegendEntry::Form::kArea});
    }
  }
  return out + "</svg>\n" + plot_legend(legend);
}

}  // namespace ptq
