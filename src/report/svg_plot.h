#pragma once
// Plots as SVG that keeps its text size at any width: all positions are percentages of the plot
// area, and axis labels stand in the margin around it. Colours are classes of the page's style
// (html_style.h). One object belongs to one thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq {

// One axis; values outside [lo, hi] are drawn at the border. A logarithmic one has lo > 0.
struct PlotAxis {
  std::string title{};  // with its unit
  double lo = 0.0;
  double hi = 1.0;
  bool log = false;
  std::vector<double> ticks{};  // ascending, inside [lo, hi]

  double place(double value) const;  // 0 … 1
};

// Axes with at most `most` round ticks that cover [lo, hi]. NaN and infinities must be left out
// before. The first widens [lo, hi] to whole steps, the second does not; the third needs lo > 0.
PlotAxis linear_axis(std::string title, double lo, double hi, int most = 5);
PlotAxis exact_axis(std::string title, double lo, double hi, int most = 5);
PlotAxis log_axis(std::string title, double lo, double hi, int most = 5);
// Positions 1 … n in the network.
PlotAxis depth_axis(size_t n);

enum class Marker { kCircle, kTriangle, kDiamond, kRing };

class SvgPlot {
 public:
  using Point = std::pair<double, double>;

  // `description` says what the plot shows to those who cannot see it.
  SvgPlot(PlotAxis x, PlotAxis y, int height_px, std::string description);

  // `style` is a class of html_style.h; titles are plain text, shown when pointed at.
  void band(double y0, double y1, std::string_view style);
  void level(double y, std::string_view style);
  void upright(double x, std::string_view style);
  void bar(double x0, double x1, double y0, double y1, std::string_view style);
  // A line through points in order; points with y = NaN interrupt it.
  void line(const std::vector<Point>& points, std::string_view style);
  void marker(double x, double y, Marker kind, std::string_view style, std::string_view title);

  // The figure with its axes.
  std::string html() const;

 private:
  std::string axes() const;

  PlotAxis x_;
  PlotAxis y_;
  int height_px_;
  std::string description_;
  std::string back_;  // bands, behind the grid
  std::string front_;
};

struct LegendEntry {
  std::string text{};
  std::string style{};
  enum class Form { kArea, kLine, kCircle, kTriangle, kDiamond, kRing } form = Form::kArea;
};
std::string plot_legend(const std::vector<LegendEntry>& entries);

// Horizontal bars from zero on, a label and a figure above each.
struct LabelledBar {
  std::string label{};
  std::string figure{};
  double value = 0.0;  // ≥ 0
  std::string style{};
  double low = 0.0;  // whisker; none where low = high
  double high = 0.0;
};
std::string bar_rows(const std::vector<LabelledBar>& bars, std::string_view description);

// One bar that is cut into shares.
struct BarShare {
  std::string label{};
  double value = 0.0;  // ≥ 0
  std::string figure{};
  std::string style{};
};
// With a legend that has the figures; empty where all values are 0.
std::string stacked_bar(const std::vector<BarShare>& shares, std::string_view description);

}  // namespace ptq
