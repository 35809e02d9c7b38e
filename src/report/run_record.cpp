#include "report/run_record.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "core/error.h"
#include "core/ini.h"

namespace bbg::report {

namespace {

using Json = nlohmann::ordered_json;

// Shows nothing of a file that cannot be read.
std::map<std::string, std::string> read_ini(const std::string& text) {
  std::map<std::string, std::string> values;
  std::vector<std::string> problems;
  for (const auto& [line, key, value] : core::split_ini(text, "", problems).values) {
    values[key] = value;
  }
  return values;
}

std::vector<Json> read_lines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    Json value = Json::parse(line, nullptr, false);
    if (value.is_object() && value.contains("step") && value["step"].is_number()) {
      lines.push_back(std::move(value));
    }
  }
  return lines;
}

// Files <stem>-<digits>.png.
std::vector<GridFile> read_grids(core::FileSystem& files, const std::string& folder,
                                 const std::string& stem) {
  std::vector<GridFile> grids;
  for (const std::string& name : files.list(folder)) {
    if (name.rfind(stem + "-", 0) != 0 || !name.ends_with(".png")) continue;
    const std::string digits = name.substr(stem.size() + 1, name.size() - stem.size() - 5);
    const bool is_number = !digits.empty() && digits.size() <= 18 &&
                           digits.find_first_not_of("0123456789") == std::string::npos;
    if (is_number) grids.push_back({std::stoll(digits), folder + "/" + name});
  }
  std::sort(grids.begin(), grids.end(),
            [](const GridFile& a, const GridFile& b) { return a.step < b.step; });
  return grids;
}

}  // namespace

std::vector<std::pair<double, double>> RunRecord::curve(const std::string& field) const {
  std::vector<std::pair<double, double>> points;
  for (const Json& line : intervals) {
    if (!line.contains(field)) continue;
    const Json& value = line[field];
    points.emplace_back(line["step"].get<double>(), value.is_number() ? value.get<double>() : NAN);
  }
  return points;
}

RunRecord read_run(core::FileSystem& files, const std::string& folder) {
  const auto read = [&](const std::string& name) {
    const std::string path = folder + "/" + name;
    return files.exists(path) ? files.read(path) : std::string();
  };
  RunRecord run;
  run.config_text = read("config.ini");
  run.config = read_ini(run.config_text);
  run.name = run.config["run.name"];
  if (run.name.empty()) {
    const std::filesystem::path path = std::filesystem::path(folder + "/").parent_path();
    run.name = path.filename().string();
  }
  for (Json& line : read_lines(read("metrics.jsonl"))) {
    (line.contains("changed") ? run.changes : run.intervals).push_back(std::move(line));
  }
  if (files.exists(folder + "/evaluation.json")) {
    run.evaluation = Json::parse(read("evaluation.json"), nullptr, false);
    if (!run.evaluation.is_object()) {
      throw core::UsageError(folder + "/evaluation.json is not a JSON object",
                             "remove it, and start the run's command again to make it anew");
    }
  }
  run.samples = read_grids(files, folder + "/grids", "samples");
  run.reconstructions = read_grids(files, folder + "/grids", "reconstructions");
  return run;
}

}  // namespace bbg::report
