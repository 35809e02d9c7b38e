#include "report/page/system.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "report/page/cards.h"
#include "report/page/text.h"

namespace bbg::report {

namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> fields_of(const RunRecord& run) {
  std::vector<std::string> fields;
  std::set<std::string> seen;
  for (const Json& line : run.intervals) {
    for (const auto& [name, value] : line.items()) {
      if (is_of_system(name) && seen.insert(name).second) fields.push_back(name);
    }
  }
  return fields;
}

std::string title_of(const std::string& field) {
  if (field == "images_per_second") return "Images per second";
  if (field == "data_seconds") return "Seconds waited for data in each interval";
  std::string words = field.rfind("system.", 0) == 0 ? field.substr(7) : field;
  std::replace(words.begin(), words.end(), '_', ' ');
  if (!words.empty()) words[0] = static_cast<char>(std::toupper(words[0]));
  return words;
}

std::vector<Cell> row_of(const RunRecord& run, const std::string& field) {
  double low = INFINITY, high = -INFINITY, last = NAN;
  for (const auto& point : run.curve(field)) {
    if (!std::isfinite(point.second)) continue;
    low = std::min(low, point.second);
    high = std::max(high, point.second);
    last = point.second;
  }
  return {{escape_html(title_of(field))},
          {number_text(last), "number"},
          {number_text(median_of(run, field)), "number"},
          {number_text(low), "number"},
          {number_text(high), "number"}};
}

// The rank that waited longest counts in each interval.
std::string waiting(const RunRecord& run) {
  double waited = 0;
  for (const auto& point : run.curve("data_seconds")) {
    if (std::isfinite(point.second)) waited += point.second;
  }
  const double seconds = total_seconds(run);
  if (run.curve("data_seconds").empty() || seconds <= 0) return "";
  return "<p>Of the time, " + percent(waited / seconds) +
         " went by while the slowest rank waited for data.</p>\n";
}

}  // namespace

std::string system_html(const RunRecord& run, ChartSet& charts) {
  std::vector<std::vector<Cell>> rows;
  std::vector<Chart> drawn;
  for (const std::string& field : fields_of(run)) {
    rows.push_back(row_of(run, field));
    drawn.push_back({title_of(field), "step", {{field, run.curve(field)}}, true});
  }
  if (rows.empty()) return "";
  return "<h2>System</h2>\n" + waiting(run) +
         table_html({{"Measured in each interval"},
                     {"Last", "number"},
                     {"Median", "number"},
                     {"Lowest", "number"},
                     {"Highest", "number"}},
                    rows) +
         charts.add(drawn);
}

}  // namespace bbg::report
