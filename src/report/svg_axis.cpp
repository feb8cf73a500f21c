// Axes and their round ticks.

#include <algorithm>
#include <cmath>

#include "report/svg_plot.h"

namespace ptq {
namespace {

// 1, 2 or 5 times a power of ten, such that `span` has at most `most` steps.
double round_step(double span, int most) {
  const double rough = span / std::max(1, most);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1.0 - 1e-9)) {
      return factor * power;
    }
  }
  return 10.0 * power;
}

void widen_empty(double& lo, double& hi) {
  if (!(hi > lo)) {
    const double margin = std::max(std::abs(lo) * 0.05, 1e-30);
    lo -= margin;
    hi += margin;
  }
}

void add_ticks(PlotAxis& axis, double step) {
  const double first = std::ceil(axis.lo / step - 1e-9);
  const double last = std::floor(axis.hi / step + 1e-9);
  for (double k = first; k <= last; k += 1.0) {
    axis.ticks.push_back(k * step);
  }
}

}  // namespace

double PlotAxis::place(double value) const {
  const double t =
      log ? std::log(std::max(value, lo) / lo) / std::log(hi / lo) : (value - lo) / (hi - lo);
  return std::clamp(t, 0.0, 1.0);
}

PlotAxis exact_axis(std::string title, double lo, double hi, int most) {
  widen_empty(lo, hi);
  PlotAxis axis{.title = std::move(title), .lo = lo, .hi = hi};
  add_ticks(axis, round_step(hi - lo, most));
  return axis;
}

PlotAxis linear_axis(std::string title, double lo, double hi, int most) {
  widen_empty(lo, hi);
  const double step = round_step(hi - lo, most - 1);
  PlotAxis axis{.title = std::move(title),
                .lo = std::floor(lo / step + 1e-9) * step,
                .hi = std::ceil(hi / step - 1e-9) * step};
  add_ticks(axis, step);
  return axis;
}

PlotAxis log_axis(std::string title, double lo, double hi, int most) {
  hi = std::max(hi, lo * 1.5);
  PlotAxis axis{.title = std::move(title), .lo = lo, .hi = hi, .log = true};
  const double first = std::floor(std::log10(lo) + 1e-9);
  const double last = std::ceil(std::log10(hi) - 1e-9);
  std::vector<double> steps;  // 1, 2, 5, 10, 20 … around [lo, hi]
  for (double k = first; k <= last; k += 1.0) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      steps.push_back(factor * std::pow(10.0, k));
    }
  }
  for (const double step : steps) {
    axis.lo = step <= lo * (1.0 + 1e-9) ? step : axis.lo;
  }
  const auto end = std::ranges::find_if(steps, [&](double t) { return t >= hi * (1.0 - 1e-9); });
  axis.hi = end == steps.end() ? hi : *end;
  if (std::log10(axis.hi / axis.lo) <= 2.0) {
    axis.ticks = steps;
  } else {
    const double lowest = std::ceil(std::log10(axis.lo) - 1e-9);
    const double highest = std::floor(std::log10(axis.hi) + 1e-9);
    const double stride = std::max(1.0, std::ceil((highest - lowest) / std::max(1, most - 1)));
    for (double k = lowest; k <= highest; k += stride) {
      axis.ticks.push_back(std::pow(10.0, k));
    }
  }
  std::erase_if(axis.ticks,
                [&](double t) { return t < axis.lo * (1.0 - 1e-9) || t > axis.hi * (1.0 + 1e-9); });
  return axis;
}

PlotAxis depth_axis(size_t n) {
  const double last = static_cast<double>(std::max<size_t>(n, 1));
  PlotAxis axis{.title = "position in the network, first to last", .lo = 0.5, .hi = last + 0.5};
  add_ticks(axis, std::max(1.0, round_step(last, 5)));
  std::erase(axis.ticks, 0.0);
  if (last > 1.0) {
    axis.ticks.insert(axis.ticks.begin(), 1.0);
  }
  if (axis.ticks.size() > 1 && axis.ticks[0] == axis.ticks[1]) {
    axis.ticks.erase(axis.ticks.begin());
  }
  return axis;
}

}  // namespace ptq
