// Figures, axes and Markdown of a report.

#include "report/html_text.h"

#include <cmath>

#include <gtest/gtest.h>

#include "report/svg_plot.h"

namespace ptq {
namespace {

TEST(HtmlText, EscapesEverySignThatMeansSomething) {
  EXPECT_EQ(html_text("<a href=\"x\">&'\x01"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;?");
  EXPECT_EQ(html_name(std::string(80, 'a') + "<end"), "…" + std::string(68, 'a') + "&lt;end");
  EXPECT_EQ(html_path("a/b.c"), "a/<wbr>b.<wbr>c");
  // Cut inside of a character: it goes as a whole.
  EXPECT_EQ(html_name("aaé" + std::string(71, 'b')), "…" + std::string(71, 'b'));
}

TEST(HtmlText, FiguresReadAsPeopleWriteThem) {
  EXPECT_EQ(figure(-1.5), "−1.50");
  EXPECT_EQ(figure(0.0), "0");
  EXPECT_EQ(figure(0.0123456), "0.0123");
  EXPECT_EQ(figure(0.182), "0.182");
  EXPECT_EQ(figure(123456.0), "123456");
  EXPECT_EQ(fixed_figure(-0.0001, 3), "0.000");
  EXPECT_EQ(fixed_figure(-0.5, 1), "−0.5");
  EXPECT_EQ(figure(1.5e9), "1.50·10⁹");
  EXPECT_EQ(figure(-2e-7), "−2.00·10⁻⁷");
  EXPECT_EQ(figure(NAN), "NaN");
  EXPECT_EQ(count_figure(12958592), "12,958,592");
  EXPECT_EQ(count_figure(100), "100");
  EXPECT_EQ(large_figure(12958592.0), "13.0 M");
  EXPECT_EQ(large_figure(999.0), "999");
  EXPECT_EQ(decibel_figure(INFINITY), "lossless");
  EXPECT_EQ(percent_figure(0.0011), "0.0011 %");
  EXPECT_EQ(percent_figure(100.0), "100.0 %");
  EXPECT_EQ(tick_figure(1e4), "10000");
  EXPECT_EQ(tick_figure(1e6), "10⁶");
  EXPECT_EQ(tick_figure(-2.5e-5), "−2.5·10⁻⁵");
  EXPECT_EQ(tick_figure(0.25), "0.25");
  EXPECT_EQ(milliseconds_figure(1234.0), "1.23 s");
}

TEST(PlotAxis, HasFewRoundTicksInsideOfIt) {
  for (const auto& [lo, hi] : std::vector<std::pair<double, double>>{
           {0.0, 1.0}, {-3.2, 7.9}, {5.0, 5.0}, {0.0, 0.0}, {-1e300, 1e300}, {1e-12, 3e-12}}) {
    for (const PlotAxis& axis :
         {linear_axis("x", lo, hi), exact_axis("x", lo, hi), log_axis("x", 1e-3, 1e-3 + hi)}) {
      EXPECT_GE(axis.ticks.size(), 2U) << lo << " " << hi;
      EXPECT_LE(axis.ticks.size(), 7U) << lo << " " << hi;
      EXPECT_LT(axis.lo, axis.hi);
      for (const double tick : axis.ticks) {
        EXPECT_GE(tick, axis.lo - 1e-9 * (axis.hi - axis.lo));
        EXPECT_LE(tick, axis.hi + 1e-9 * (axis.hi - axis.lo));
      }
    }
  }
  EXPECT_EQ(depth_axis(17).ticks, (std::vector<double>{1, 5, 10, 15}));
  EXPECT_EQ(depth_axis(1).ticks, (std::vector<double>{1}));
  EXPECT_EQ(log_axis("x", 0.8, 1300.0).ticks, (std::vector<double>{1, 10, 100, 1000}));
  EXPECT_EQ(log_axis("x", 0.8, 1300.0).lo, 0.5);
  EXPECT_EQ(log_axis("x", 1.0, 30.0).ticks, (std::vector<double>{1, 2, 5, 10, 20, 50}));
}

TEST(PlotAxis, PlacesValuesAndKeepsThoseOutsideAtItsBorder) {
  const PlotAxis axis = log_axis("x", 1.0, 100.0);
  EXPECT_DOUBLE_EQ(axis.place(10.0), 0.5);
  EXPECT_EQ(axis.place(0.0), 0.0);
  EXPECT_EQ(axis.place(1e9), 1.0);
  EXPECT_DOUBLE_EQ(linear_axis("x", -1.0, 1.0).place(0.0), 0.5);
}

}  // namespace
}  // namespace ptq
