#include <algorithm>
#include <cmath>

#include "report/compare.h"
#include "report/page/charts.h"
#include "report/page/frame.h"
#include "report/page/text.h"

namespace bbg::report {

namespace {

// A chart for each field, with the curves of all runs.
std::vector<Chart> overlaid(const Comparison& comparison, const Measures& measures) {
  std::vector<Chart> charts;
  for (const auto& row : comparison.last) {
    if (row.name == "step" || row.name == "images" || row.name == "seconds") continue;
    Chart chart{row.name, "step", {}, is_of_system(row.name)};
    const auto curve = std::find_if(measures.curves.begin(), measures.curves.end(),
                                    [&](const Curve& one) { return one.name == row.name; });
    if (curve != measures.curves.end()) chart.starts_at_zero = curve->is_from_zero;
    for (size_t i = 0; i < comparison.runs.size(); ++i) {
      chart.series.push_back({comparison.names[i], comparison.runs[i].curve(row.name)});
    }
    charts.push_back(chart);
  }
  std::stable_partition(charts.begin(), charts.end(),
                        [](const Chart& chart) { return !is_of_system(chart.title); });
  return charts;
}

std::string section(const Comparison& comparison, const char* title,
                    const std::vector<Comparison::Line>& rows) {
  if (rows.empty()) return "";
  std::vector<Cell> head = {{""}};
  for (const std::string& name : comparison.names) head.push_back({escape_html(name), "number"});
  std::vector<std::vector<Cell>> cells;
  for (const auto& row : rows) {
    std::vector<Cell> line = {{escape_html(row.name)}};
    for (const std::string& value : row.values) {
      line.push_back({value.empty() ? "–" : escape_html(value), "number"});
    }
    cells.push_back(line);
  }
  return "<h2>" + std::string(title) + "</h2>\n" + table_html(head, cells);
}

}  // namespace

std::string comparison_html(const Comparison& comparison, const Measures& measures) {
  std::string summary;
  for (const std::string& name : comparison.names) summary += (summary.empty() ? "" : " · ") + name;
  ChartSet charts;
  std::string html = page_head(std::to_string(comparison.runs.size()) + " runs compared", summary) +
                     section(comparison, "Options that differ", comparison.options) +
                     section(comparison, "Evaluation", comparison.measures);
  const std::string figures = charts.add(overlaid(comparison, measures));
  if (!figures.empty()) html += "<h2>Curves</h2>\n" + ChartSet::controls() + figures;
  return html + section(comparison, "Last values", comparison.last) + page_end(charts.data());
}

}  // namespace bbg::report
