#include "report/svg_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include "core/rng.h"

namespace bbg::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Chart chart_of(const std::vector<std::pair<double, double>>& points) {
  return {.title = "Losses", .x_label = "step", .series = {{"loss_d", points}}};
}

// The first group of every match.
std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) {
    found.push_back((*at)[1]);
  }
  return found;
}

struct Pixel {
  double x, y;
};

// Corners of all drawn lines, in order.
std::vector<Pixel> corners(const std::string& svg) {
  std::vector<Pixel> pixels;
  for (const std::string& path : matches(svg, "class=\"line c[0-9]\" d=\"([^\"]*)\"")) {
    const std::regex corner("[ML]([0-9.e+-]+) ([0-9.e+-]+)");
    for (std::sregex_iterator at(path.begin(), path.end(), corner), end; at != end; ++at) {
      pixels.push_back({std::stod((*at)[1]), std::stod((*at)[2])});
    }
  }
  return pixels;
}

int64_t count_of(const std::string& text, const std::string& part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::vector<std::string> y_labels(const std::string& svg) {
  return matches(svg, "text-anchor=\"end\">([^<]*)<");
}
// And the axis' own label last.
std::vector<std::string> x_labels(const std::string& svg) {
  return matches(svg, "text-anchor=\"middle\">([^<]*)<");
}

TEST(AxisTicks, AreRoundNumbersInsideTheRange) {
  using testing::DoubleNear;
  EXPECT_THAT(axis_ticks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(axis_ticks(-0.7, 0.7, 3), ElementsAre(-0.5, 0, 0.5));
  EXPECT_THAT(axis_ticks(3, 997, 4), ElementsAre(250, 500, 750));
  EXPECT_THAT(axis_ticks(1.01, 1.04, 3),
              ElementsAre(DoubleNear(1.01, 1e-12), DoubleNear(1.02, 1e-12), DoubleNear(1.03, 1e-12),
                          DoubleNear(1.04, 1e-12)));
}

// Steps are 1, 2, 2.5, 5 times a power of ten, the next above the range over `count`; from one to
// the next is a factor of two at most.
TEST(AxisTicks, AreAboutAsManyAsAskedForAtEveryScale) {
  const std::vector<double> rounds = {1, 2, 2.5, 5};
  core::RandomStream random(1, core::Purpose::kEvaluate, 0, 0);
  for (int i = 0; i < 20'000; ++i) {
    const double scale = std::pow(10, 40 * random.next_uniform() - 20);
    const double low = scale * random.next_normal(), high = low + scale * random.next_uniform();
    const auto ticks = axis_ticks(low, high, 5);
    if (!(high - low > 1e-6 * std::fabs(low))) continue;
    const double slack = 1e-6 * (high - low);
    ASSERT_GE(ticks.size(), 2u) << low << " " << high;
    ASSERT_LE(ticks.size(), 6u) << low << " " << high;
    ASSERT_GE(ticks.front(), low - slack);
    ASSERT_LE(ticks.back(), high + slack);
    const double step = ticks[1] - ticks[0];
    const double digits = step / std::pow(10, std::floor(std::log10(step) + 1e-6));
    ASSERT_TRUE(std::any_of(rounds.begin(), rounds.end(), [&](double round) {
      return std::fabs(digits - round) < 1e-5;
    })) << digits;
    for (const double tick : ticks) {
      ASSERT_NEAR(tick / step, std::round(tick / step), 1e-5) << low << " " << high;
    }
  }
}

TEST(AxisTicks, ThereAreNoneForAnEmptyOrUnboundedRange) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(axis_ticks(1, 1, 5), IsEmpty());
  EXPECT_THAT(axis_ticks(2, 1, 5), IsEmpty());
  EXPECT_THAT(axis_ticks(0, kInfinity, 5), IsEmpty());
  EXPECT_THAT(axis_ticks(-kInfinity, kInfinity, 5), IsEmpty());
  EXPECT_THAT(axis_ticks(kNan, 1, 5), IsEmpty());
}

// No double lies between the two, so that no step can be counted.
TEST(AxisTicks, ThereAreNoneBetweenNeighbouringDoubles) {
  EXPECT_THAT(axis_ticks(1, std::nextafter(1, 2), 5), IsEmpty());
  EXPECT_THAT(axis_ticks(-std::nextafter(1e300, 1e301), -1e300, 5), IsEmpty());
}

TEST(EscapeHtml, NothingCanLeaveATextOrAQuotedAttribute) {
  EXPECT_EQ(escape_html("a < b && \"c\" > d"), "a &lt; b &amp;&amp; &quot;c&quot; &gt; d");
  EXPECT_EQ(escape_html("&lt;"), "&amp;lt;");
  EXPECT_EQ(escape_html("· é"), "· é");
  EXPECT_EQ(escape_html(""), "");
}

TEST(SvgChart, NothingToDrawGivesNothing) {
  EXPECT_EQ(svg_chart({.title = "Losses", .x_label = "step", .series = {}}), "");
  EXPECT_EQ(svg_chart(chart_of({})), "");
  EXPECT_EQ(svg_chart(chart_of({{1, kNan}, {2, kNan}})), "");
}

TEST(SvgChart, HasTitleLegendWithLastValuesAxesAndOneLinePerSeries) {
  Chart chart = chart_of({{0, 1}, {100, 2}});
  chart.series.push_back({"loss_ge", {{0, 3}, {100, 0.125}}});
  chart.series.push_back({"unused", {{0, kNan}}});
  const std::string svg = svg_chart(chart);
  EXPECT_THAT(svg, HasSubstr("<b>Losses</b>"));
  EXPECT_THAT(svg, HasSubstr("<i class=\"c0\"></i>loss_d <small>2</small>"));
  EXPECT_THAT(svg, HasSubstr("<i class=\"c1\"></i>loss_ge <small>0.125</small>"));
  EXPECT_THAT(svg, Not(HasSubstr("unused")));
  EXPECT_EQ(count_of(svg, "class=\"line c0"), 1);
  EXPECT_EQ(count_of(svg, "class=\"line c1\""), 1);
  EXPECT_THAT(x_labels(svg), ElementsAre("0", "20", "40", "60", "80", "100", "step"));
  EXPECT_THAT(y_labels(svg), ElementsAre("0", "1", "2", "3"));
  for (const char* element : {"figure", "svg", "span", "path", "title", "text"}) {
    EXPECT_EQ(count_of(svg, std::string("<") + element),
              count_of(svg, std::string("</") + element + ">") +
                  (element == std::string("path") ? count_of(svg, "\"/>") : 0))
        << element;
  }
}

TEST(SvgChart, TextsAreEscaped) {
  Chart chart = chart_of({{0, 1}, {1, 2}});
  chart.title = chart.x_label = chart.series[0].label = "</svg>\"&";
  const std::string svg = svg_chart(chart);
  EXPECT_EQ(count_of(svg, "</svg>"), 1);
  EXPECT_EQ(count_of(svg, "&lt;/svg&gt;&quot;&amp;"), 5);  // the title and the label twice
}

// A tick's mark and a point at the tick's value lie at the same place.
TEST(SvgChart, PointsLieWhereTheAxesSay) {
  const std::string svg = svg_chart(chart_of({{0, 0}, {2, 10}, {4, 20}, {6, 15}, {8, 5}, {10, 0}}));
  const auto x_ticks = matches(svg, "class=\"axis\" d=\"M([0-9.]+) [0-9.]+v5\"");
  const auto y_ticks = matches(svg, "class=\"grid\" d=\"M[0-9.]+ ([0-9.]+)H");
  const auto points = corners(svg);
  ASSERT_THAT(x_labels(svg), ElementsAre("0", "2", "4", "6", "8", "10", "step"));
  ASSERT_THAT(y_labels(svg), ElementsAre("0", "5", "10", "15", "20"));
  ASSERT_EQ(points.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(points[i].x, std::stod(x_ticks[i]));
  const size_t y_tick[] = {0, 2, 4, 3, 1, 0};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(points[i].y, std::stod(y_ticks[y_tick[i]]));
  EXPECT_LT(points[2].y, points[1].y);  // up is up
}

TEST(SvgChart, LargeTicksAreReadable) {
  EXPECT_THAT(x_labels(svg_chart(chart_of({{0, 1}, {60'000, 1}}))),
              ElementsAre("0", "10,000", "20,000", "30,000", "40,000", "50,000", "60,000", "step"));
  EXPECT_THAT(x_labels(svg_chart(chart_of({{0, 1}, {6e6, 1}}))),
              ElementsAre("0", "1M", "2M", "3M", "4M", "5M", "6M", "step"));
  EXPECT_THAT(y_labels(svg_chart(chart_of({{0, -4000}, {1, 0}}))),
              ElementsAre("-4,000", "-3,000", "-2,000", "-1,000", "0"));
}

// Reports begin after some steps; runs that were cut to their later part do not.
TEST(SvgChart, TheStepsBeginAtZeroWhenTheFirstIsNearIt) {
  EXPECT_EQ(x_labels(svg_chart(chart_of({{50, 1}, {1000, 1}}))).front(), "0");
  EXPECT_NE(x_labels(svg_chart(chart_of({{500, 1}, {1000, 1}}))).front(), "0");
}

TEST(SvgChart, TheValuesBeginAtZeroOnlyOnDemand) {
  Chart chart = chart_of({{0, 100}, {1, 110}});
  EXPECT_EQ(std::stod(y_labels(svg_chart(chart)).front()), 100);
  chart.starts_at_zero = true;
  EXPECT_EQ(y_labels(svg_chart(chart)).front(), "0");
  chart.series[0].points = {{0, 0}, {1, 0}};
  EXPECT_EQ(y_labels(svg_chart(chart)).front(), "0");
}

TEST(SvgChart, AValueThatIsNotFiniteIsAGap) {
  for (const double hole : {kNan, std::numeric_limits<double>::infinity()}) {
    const std::string svg = svg_chart(chart_of({{0, 1}, {1, 2}, {2, hole}, {3, 1}, {4, 2}}));
    const auto paths = matches(svg, "class=\"line c0\" d=\"([^\"]*)\"");
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(count_of(paths[0], "M"), 2);
    EXPECT_EQ(count_of(paths[0], "L"), 2);
    EXPECT_THAT(paths[0], Not(HasSubstr("nan")));
    EXPECT_THAT(paths[0], Not(HasSubstr("inf")));
  }
}

TEST(SvgChart, ALonePointIsADot) {
  const std::string svg = svg_chart(chart_of({{7, 3}}));
  EXPECT_THAT(svg, HasSubstr("h0\""));
  EXPECT_EQ(corners(svg).size(), 1u);
}

TEST(SvgChart, ALongSeriesIsDrawnAsMeansOfStretches) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i < 30'000; ++i) points.emplace_back(i, i % 2 == 0 ? 1 : 3);
  const auto pixels = corners(svg_chart(chart_of(points)));
  EXPECT_EQ(pixels.size(), 300u);
  for (const Pixel& pixel : pixels) ASSERT_EQ(pixel.y, pixels[0].y);
  for (size_t i = 1; i < pixels.size(); ++i) ASSERT_GT(pixels[i].x, pixels[i - 1].x);
}

TEST(SvgChart, InALongSeriesOnlyAStretchWithoutAnyValueIsAGap) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i < 3000; ++i) {
    const bool is_hole = i % 10 != 0 || (i >= 1000 && i < 1100);
    points.emplace_back(i, is_hole ? kNan : 2);
  }
  const auto pixels = corners(svg_chart(chart_of(points)));
  ASSERT_EQ(pixels.size(), 290u);
  for (const Pixel& pixel : pixels) ASSERT_EQ(pixel.y, pixels[0].y);
}

TEST(SvgChart, OneSpikeIsCutAtTheEdgeAndDoesNotFlattenTheRest) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i < 200; ++i) points.emplace_back(i, i / 200.0);
  points[5].second = 1e6;
  const auto pixels = corners(svg_chart(chart_of(points)));
  ASSERT_EQ(pixels.size(), 200u);
  // The drawing is 210 units high, its upper edge at 10.
  EXPECT_EQ(pixels[5].y, 10);
  EXPECT_GT(pixels[6].y - pixels[199].y, 100);
}

TEST(SvgChart, AConstantLiesInTheMiddleEvenIfItsLastBitMoves) {
  for (const double next : {0.7, std::nextafter(0.7, 1)}) {
    const std::string svg = svg_chart(chart_of({{0, 0.7}, {1, next}}));
    const auto pixels = corners(svg);
    ASSERT_EQ(pixels.size(), 2u);
    EXPECT_NEAR(pixels[0].y, 10 + 210 / 2, 0.1);
    EXPECT_NEAR(pixels[1].y, 10 + 210 / 2, 0.1);
    EXPECT_GE(y_labels(svg).size(), 2u);
  }
}

TEST(SvgChart, ColoursRepeatAfterTheSixth) {
  Chart chart = chart_of({});
  chart.series.clear();
  for (int i = 0; i < 7; ++i) chart.series.push_back({"s" + std::to_string(i), {{0, i}, {1, i}}});
  const std::string svg = svg_chart(chart);
  EXPECT_EQ(count_of(svg, "class=\"line c0"), 2);
  EXPECT_EQ(count_of(svg, "class=\"line c5\""), 1);
  EXPECT_EQ(count_of(svg, "class=\"line c6\""), 0);
}

}  // namespace
}  // namespace bbg::report
