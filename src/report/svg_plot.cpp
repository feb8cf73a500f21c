#include "report/svg_plot.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/html_text.h"

namespace ptq {
namespace {

std::string percent(double share) {
  return fmt::format("{:.2f}%", 100.0 * share);
}

std::string_view marker_path(Marker kind) {
  switch (kind) {
    case Marker::kTriangle:
      return "M0-5.5 5 4-5 4Z";
    case Marker::kDiamond:
      return "M0-5.5 5.5 0 0 5.5-5.5 0Z";
    default:
      return "";
  }
}

// At (0, 0) of its own small picture.
std::string marker_shape(Marker kind, std::string_view style, std::string_view title) {
  const std::string inner =
      title.empty() ? std::string() : fmt::format("<title>{}</title>", html_text(title, 240));
  if (kind == Marker::kCircle || kind == Marker::kRing) {
    return fmt::format("<circle r=\"{}\" class=\"{}{}\">{}</circle>",
                       kind == Marker::kRing ? "3.5" : "4", style,
                       kind == Marker::kRing ? " ring" : " mark", inner);
  }
  return fmt::format("<path d=\"{}\" class=\"{} mark\">{}</path>", marker_path(kind), style, inner);
}

std::string tick_text(double value, double step) {
  return tick_figure(std::abs(value) < std::abs(step) * 1e-6 ? 0.0 : value);
}

}  // namespace

SvgPlot::SvgPlot(PlotAxis x, PlotAxis y, int height_px, std::string description)
    : x_(std::move(x)),
      y_(std::move(y)),
      height_px_(height_px),
      description_(std::move(description)) {}

void SvgPlot::band(double y0, double y1, std::string_view style) {
  const double top = 1.0 - y_.place(std::max(y0, y1));
  const double bottom = 1.0 - y_.place(std::min(y0, y1));
  if (bottom > top) {
    back_ += fmt::format("<rect x=\"0\" y=\"{}\" width=\"100%\" height=\"{}\" class=\"{}\"/>\n",
                         percent(top), percent(bottom - top), style);
  }
}

void SvgPlot::level(double y, std::string_view style) {
  const std::string at = percent(1.0 - y_.place(y));
  front_ +=
      fmt::format("<line x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\" class=\"{1}\"/>\n", at, style);
}

void SvgPlot::upright(double x, std::string_view style) {
  const std::string at = percent(x_.place(x));
  front_ +=
      fmt::format("<line y1=\"0\" y2=\"100%\" x1=\"{0}\" x2=\"{0}\" class=\"{1}\"/>\n", at, style);
}

void SvgPlot::bar(double x0, double x1, double y0, double y1, std::string_view style) {
  const double left = x_.place(std::min(x0, x1));
  const double right = x_.place(std::max(x0, x1));
  const double top = 1.0 - y_.place(std::max(y0, y1));
  const double bottom = 1.0 - y_.place(std::min(y0, y1));
  front_ +=
      fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"/>\n",
                  percent(left), percent(top), percent(right - left), percent(bottom - top), style);
}

void SvgPlot::line(const std::vector<Point>& points, std::string_view style) {
  std::string path;
  bool pen_down = false;
  for (const auto& [x, y] : points) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      pen_down = false;
      continue;
    }
    path += fmt::format("{}{:.2f} {:.2f}", pen_down ? "L" : "M", 1000.0 * x_.place(x),
                        1000.0 * (1.0 - y_.place(y)));
    pen_down = true;
  }
  if (!path.empty()) {
    front_ += fmt::format(
        "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" width=\"100%\" "
        "height=\"100%\" "
        "class=\"path\"><path d=\"{}\" class=\"line {}\"/></svg>\n",
        path, style);
  }
}

void SvgPlot::marker(double x, double y, Marker kind, std::string_view style,
                     std::string_view title) {
  front_ += fmt::format("<svg x=\"{}\" y=\"{}\" class=\"at\">{}</svg>\n", percent(x_.place(x)),
                        percent(1.0 - y_.place(y)), marker_shape(kind, style, title));
}

std::string SvgPlot::axes() const {
  std::string out;
  const auto step_of = [](const PlotAxis& axis) {  // a sum of steps may miss 0 by rounding
    return axis.log || axis.ticks.size() < 2 ? 0.0 : axis.ticks[1] - axis.ticks[0];
  };
  for (const double tick : y_.ticks) {
    const std::string at = percent(1.0 - y_.place(tick));
    out += fmt::format(
        "<line x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\" class=\"grid\"/>"
        "<text x=\"-8\" y=\"{0}\" dy=\"4\" class=\"tick end\">{1}</text>\n",
        at, tick_text(tick, step_of(y_)));
  }
  for (const double tick : x_.ticks) {
    const std::string at = percent(x_.place(tick));
    out += fmt::format(
        "<line x1=\"{0}\" x2=\"{0}\" y1=\"100%\" y2=\"100%\" class=\"grid tickmark\"/>"
        "<text x=\"{0}\" y=\"100%\" dy=\"18\" class=\"tick mid\">{1}</text>\n",
        at, tick_text(tick, step_of(x_)));
  }
  out += "<line x1=\"0\" x2=\"100%\" y1=\"100%\" y2=\"100%\" class=\"axis\"/>\n";
  return out;
}

std::string SvgPlot::html() const {
  return fmt::format(
      "<div class=\"plot{}\"><div class=\"ytitle\">{}</div>\n"
      "<svg class=\"area\" width=\"100%\" height=\"{}\" role=\"img\" "
      "aria-label=\"{}\">\n{}{}{}</svg>\n"
      "<div class=\"xtitle\">{}</div></div>\n",
      y_.ticks.empty() ? " flat" : "", html_text(y_.title), height_px_, html_text(description_),
      back_, axes(), front_, html_text(x_.title));
}

std::string plot_legend(const std::vector<LegendEntry>& entries) {
  using Form = LegendEntry::Form;
  std::string out = "<ul class=\"legend\">\n";
  for (const LegendEntry& entry : entries) {
    std::string sign;
    switch (entry.form) {
      case Form::kArea:
        sign =
            fmt::format("<rect x=\"1\" y=\"2\" width=\"14\" height=\"12\" rx=\"2\" class=\"{}\"/>",
                        entry.style);
        break;
      case Form::kLine:
        sign = fmt::format("<line x1=\"0\" x2=\"16\" y1=\"8\" y2=\"8\" class=\"line {}\"/>",
                           entry.style);
        break;
      default: {
        const Marker marker = entry.form == Form::kTriangle  ? Marker::kTriangle
                              : entry.form == Form::kDiamond ? Marker::kDiamond
                              : entry.form == Form::kRing    ? Marker::kRing
                                                             : Marker::kCircle;
        sign = fmt::format("<g transform=\"translate(8 8)\">{}</g>",
                           marker_shape(marker, entry.style, ""));
      }
    }
    out += fmt::format("<li><svg width=\"16\" height=\"16\" aria-hidden=\"true\">{}</svg>{}</li>\n",
                       sign, html_text(entry.text, 120));
  }
  return out + "</ul>\n";
}

}  // namespace ptq
