#pragma once
// Line charts as HTML: a <figure> with title, legend and inline SVG. Colours and fonts are classes
// and variables of the page's style sheet (report_style.h). Pure functions.

#include <string>
#include <utility>
#include <vector>

namespace bbg::report {

struct Series {
  std::string label;
  std::vector<std::pair<double, double>> points;  // x ascending; a y that is not finite is a gap
};

struct Chart {
  std::string title, x_label;
  std::vector<Series> series;
  bool starts_at_zero = false;  // the y axis
};

// Empty if there is nothing to draw. Long series are drawn as means over stretches of steps; y
// beyond the bulk of the values (1st to 99th percentile, widened) is cut at the chart's edge, so
// that one early spike does not flatten the rest.
std::string svg_chart(const Chart& chart);

// The chart's series that have a value, each as means over at most `most` stretches of its steps.
std::vector<Series> drawn_series(const Chart& chart, size_t most);

// The lowest and the highest y that a chart of these series shows.
std::pair<double, double> shown_range(const std::vector<Series>& series, bool starts_at_zero);

// Round numbers inside [low, high], about `count` of them.
std::vector<double> axis_ticks(double low, double high, int count);

std::string escape_html(const std::string& text);

}  // namespace bbg::report
