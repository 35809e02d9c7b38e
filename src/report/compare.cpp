#include "report/compare.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "report/page/text.h"

namespace bbg::report {

namespace {

using Json = nlohmann::ordered_json;
using Line = Comparison::Line;

// One for every weight would hide the rest.
bool is_shown(const std::string& field) { return field != "step" && field.rfind("sigma.", 0) != 0; }

std::vector<std::string> names_of(const std::vector<RunRecord>& runs,
                                  const std::vector<std::string>& folders) {
  std::map<std::string, int> count;
  for (const RunRecord& run : runs) ++count[run.name];
  std::vector<std::string> names;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string& name = runs[i].name;
    names.push_back(count[name] == 1 ? name : name + " (" + folders[i] + ")");
  }
  return names;
}

std::vector<Line> differing_options(const std::vector<RunRecord>& runs) {
  std::set<std::string> keys;
  for (const RunRecord& run : runs) {
    for (const auto& [key, value] : run.config) keys.insert(key);
  }
  std::vector<Line> rows;
  for (const std::string& key : keys) {
    if (key == "run.name" || key == "run.output") continue;
    Line row{key, {}};
    for (const RunRecord& run : runs) {
      const auto found = run.config.find(key);
      row.values.push_back(found == run.config.end() ? "" : found->second);
    }
    const bool differs = std::any_of(row.values.begin(), row.values.end(), [&](const auto& value) {
      return value != row.values.front();
    });
    if (differs) rows.push_back(row);
  }
  return rows;
}

// The last finite value of a field, or nothing.
std::string last_value(const RunRecord& run, const std::string& field) {
  for (auto line = run.intervals.rbegin(); line != run.intervals.rend(); ++line) {
    if (line->contains(field) && (*line)[field].is_number()) {
      return number_text((*line)[field].get<double>());
    }
  }
  return "";
}

std::vector<Line> last_values(const std::vector<RunRecord>& runs) {
  std::vector<Line> rows;
  std::set<std::string> seen;
  for (const RunRecord& run : runs) {
    for (const Json& line : run.intervals) {
      for (const auto& [field, value] : line.items()) {
        if (is_shown(field) && seen.insert(field).second) rows.push_back({field, {}});
      }
    }
  }
  rows.insert(rows.begin(), {"step", {}});
  for (Line& row : rows) {
    for (const RunRecord& run : runs) row.values.push_back(last_value(run, row.name));
  }
  return rows;
}

std::vector<Line> measured_values(const std::vector<RunRecord>& runs) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const RunRecord& run : runs) {
    if (!run.evaluation.is_object()) continue;
    for (const auto& [group, values] : run.evaluation.items()) {
      if (!values.is_object() || group == "protocol") continue;
      for (const auto& [name, value] : values.items()) {
        const std::pair<std::string, std::string> field(group, name);
        const bool is_new = std::find(fields.begin(), fields.end(), field) == fields.end();
        if (value.is_number() && is_new) fields.push_back(field);
      }
    }
  }
  std::vector<Line> rows;
  for (const auto& [group, name] : fields) {
    Line row{group + "." + name, {}};
    for (const RunRecord& run : runs) {
      const auto value = number_at(run.evaluation, group, name);
      row.values.push_back(value ? number_text(*value) : "");
    }
    rows.push_back(row);
  }
  return rows;
}

// Columns on a terminal; what UTF-8 continues takes none.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string part_text(const std::string& title, const std::vector<Line>& rows, size_t name_width,
                      const std::vector<size_t>& widths) {
  if (rows.empty()) return "";
  std::string text = "\n" + title + "\n";
  for (const Line& row : rows) {
    text += "  " + row.name + std::string(name_width - width_of(row.name), ' ');
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string value = row.values[i].empty() ? "-" : core::printable(row.values[i]);
      text += "  " + std::string(widths[i] - std::min(widths[i], width_of(value)), ' ') + value;
    }
    text += "\n";
  }
  return text;
}

}  // namespace

Comparison compare_runs(core::FileSystem& files, const std::vector<std::string>& folders) {
  Comparison comparison;
  comparison.folders = folders;
  for (const std::string& folder : folders) {
    if (!files.exists(folder + "/config.ini") && !files.exists(folder + "/metrics.jsonl")) {
      throw core::UsageError(folder + " is not the folder of a run",
                             "give folders that have a config.ini or a metrics.jsonl");
    }
    comparison.runs.push_back(read_run(files, folder));
  }
  comparison.names = names_of(comparison.runs, folders);
  comparison.options = differing_options(comparison.runs);
  comparison.last = last_values(comparison.runs);
  comparison.measures = measured_values(comparison.runs);
  return comparison;
}

std::string comparison_text(const Comparison& comparison) {
  std::vector<size_t> widths;
  size_t name_width = 0;
  std::vector<std::string> names;
  for (const std::string& name : comparison.names) names.push_back(core::printable(name));
  for (const std::string& name : names) widths.push_back(width_of(name));
  for (const auto* rows : {&comparison.options, &comparison.measures, &comparison.last}) {
    for (const Line& row : *rows) {
      name_width = std::max(name_width, width_of(row.name));
      for (size_t i = 0; i < widths.size(); ++i) {
        widths[i] = std::max(widths[i], width_of(core::printable(row.values[i])));
      }
    }
  }
  std::string text = "  " + std::string(name_width, ' ');
  for (size_t i = 0; i < widths.size(); ++i) {
    text += "  " + std::string(widths[i] - width_of(names[i]), ' ') + names[i];
  }
  return text + "\n" + part_text("Options that differ", comparison.options, name_width, widths) +
         part_text("Evaluation", comparison.measures, name_width, widths) +
         part_text("Last values", comparison.last, name_width, widths);
}

Json comparison_json(const Comparison& comparison) {
  Json runs = Json::array();
  for (size_t i = 0; i < comparison.runs.size(); ++i) {
    const RunRecord& run = comparison.runs[i];
    Json options = Json::object(), last = Json::object();
    for (const Line& row : comparison.options) options[row.name] = row.values[i];
    for (const Json& line : run.intervals) {
      for (const auto& [field, value] : line.items()) {
        if (value.is_number()) last[field] = value;
      }
    }
    runs.push_back({{"name", comparison.names[i]},
                    {"folder", comparison.folders[i]},
                    {"options", options},
                    {"last", last},
                    {"evaluation", run.evaluation}});
  }
  return {{"runs", runs}};
}

}  // namespace bbg::report
