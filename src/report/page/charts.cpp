#include "report/page/charts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "report/page/text.h"

namespace bbg::report {

namespace {

using Json = nlohmann::ordered_json;

// Enough to zoom in on a part; a page of twenty charts stays below some MB.
constexpr size_t kMaxRows = 2000;

bool begins_with(const std::string& text, const char* beginning) {
  return text.rfind(beginning, 0) == 0;
}

struct Place {
  std::string chart;  // empty: none
  bool is_from_zero = false;
};

Place place_of(const std::string& name, const Measures& measures) {
  if (name == "step" || name == "images" || name == "seconds" || is_of_system(name)) return {};
  if (begins_with(name, "sigma.")) return {};  // one for every weight; TensorBoard has them
  if (name == "loss_d" || name == "loss_ge") return {"Losses"};
  if (begins_with(name, "loss_d_")) return {"Terms of the discriminator's loss"};
  if (begins_with(name, "loss_ge_")) return {"Terms of the generator's and encoder's loss"};
  if (begins_with(name, "sigma_max_")) return {"Largest singular value of any weight"};
  if (begins_with(name, "grad_norm_")) return {"Norm of the gradient"};
  for (const Curve& curve : measures.curves) {
    if (curve.name == name) return {curve.chart, curve.is_from_zero};
  }
  return {name};
}

std::string json_number(double value) {
  return std::isfinite(value) ? format("%.6g", value) : "\"NaN\"";
}

std::string json_text(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A row for each x of any series; null where one has no value there.
std::string chart_json(const Chart& chart) {
  const std::vector<Series> series = drawn_series(chart, kMaxRows);
  std::map<double, std::vector<std::string>> rows;
  std::string labels = json_text(chart.x_label);
  for (size_t i = 0; i < series.size(); ++i) {
    labels += "," + json_text(series[i].label);
    for (const auto& [x, y] : series[i].points) {
      auto& row = rows.try_emplace(x, series.size(), "null").first->second;
      row[i] = json_number(y);
    }
  }
  std::string text;
  for (const auto& [x, row] : rows) {
    text += (text.empty() ? "[" : ",\n[") + format("%.10g", x);
    for (const std::string& value : row) text += "," + value;
    text += "]";
  }
  const auto [low, high] = shown_range(series, chart.starts_at_zero);
  return "{\"labels\":[" + labels + "],\"range\":[" + json_number(low) + "," + json_number(high) +
         "],\"rows\":[" + text + "]}";
}

}  // namespace

bool is_of_system(const std::string& field) {
  if (field == "images_per_second" || field == "data_seconds") return true;
  return begins_with(field, "system.") || begins_with(field, "wait_") ||
         field.find("memory") != std::string::npos || begins_with(field, "slowest");
}

std::vector<Chart> training_charts(const RunRecord& run, const Measures& measures) {
  std::vector<Chart> charts;
  std::set<std::string> seen;
  for (const Json& line : run.intervals) {
    for (const auto& [name, value] : line.items()) {
      if (!seen.insert(name).second) continue;
      const Place place = place_of(name, measures);
      if (place.chart.empty()) continue;
      auto at = std::find_if(charts.begin(), charts.end(),
                             [&](const Chart& chart) { return chart.title == place.chart; });
      if (at == charts.end()) {
        charts.push_back({place.chart, "step", {}, place.is_from_zero});
        at = charts.end() - 1;
      }
      at->series.push_back({name, run.curve(name)});
    }
  }
  return charts;
}

std::string ChartSet::add(const std::vector<Chart>& charts) {
  std::string figures;
  for (const Chart& chart : charts) {
    const std::string figure = svg_chart(chart);
    if (figure.empty()) continue;
    figures += figure;
    data_ += (data_.empty() ? "" : ",\n") + chart_json(chart);
  }
  return figures.empty() ? "" : "<div class=\"charts\">\n" + figures + "</div>\n";
}

std::string ChartSet::controls() {
  return "<div class=\"controls\" hidden><label>Smoothing <input type=\"range\" id=\"smoothing\" "
         "min=\"1\" max=\"50\" value=\"1\"><output>off</output></label>"
         "<button type=\"button\" id=\"whole\">Show all steps</button>"
         "<span>Drag over a chart to zoom in, double-click for all steps, click a name to hide it."
         "</span></div>\n";
}

std::string ChartSet::data() const { return data_.empty() ? "" : "[" + data_ + "]"; }

}  // namespace bbg::report
