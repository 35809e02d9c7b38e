#pragma once
// The story of a run, read back from the files of its folder; missing parts are empty.

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/file_system.h"

namespace bbg::report {

struct GridFile {
  int64_t step = 0;
  std::string path;
};

struct RunRecord {
  std::string name;                                // run.name, else the folder's
  std::string config_text;                         // config.ini
  std::map<std::string, std::string> config;       // section.key -> value
  std::vector<nlohmann::ordered_json> intervals;   // lines of metrics.jsonl, without the next
  std::vector<nlohmann::ordered_json> changes;     // its lines that tell of changed options
  nlohmann::ordered_json evaluation;               // null if not measured
  std::vector<GridFile> samples, reconstructions;  // by step

  // The values of one field over the steps; null in the file is NaN here.
  std::vector<std::pair<double, double>> curve(const std::string& field) const;
};

// UsageError if evaluation.json is not JSON; of metrics.jsonl, what a kill tore is passed over.
RunRecord read_run(core::FileSystem& files, const std::string& folder);

}  // namespace bbg::report
