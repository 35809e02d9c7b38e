#pragma once
// Runs beside each other: last values, evaluations, and the options in which they differ.

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "report/card.h"
#include "report/run_record.h"

namespace bbg::report {

struct Comparison {
  struct Line {
    std::string name;
    std::vector<std::string> values;  // one a run; empty where it has none
  };
  std::vector<std::string> folders;
  std::vector<std::string> names;  // each once: with its folder where a run's name is not enough
  std::vector<RunRecord> runs;
  std::vector<Line> options;   // that differ; names of runs and folders do not count
  std::vector<Line> last;      // each field's last value in metrics.jsonl
  std::vector<Line> measures;  // the numbers of evaluation.json
};

// UsageError where a folder has neither config.ini nor metrics.jsonl, or a file is damaged.
Comparison compare_runs(core::FileSystem& files, const std::vector<std::string>& folders);

// A table for a terminal.
std::string comparison_text(const Comparison& comparison);

// {"runs": [{"name", "folder", "options", "last", "evaluation"}]}
nlohmann::ordered_json comparison_json(const Comparison& comparison);

// A page like report.html with the curves of all runs in each chart.
std::string comparison_html(const Comparison& comparison, const Measures& measures);

}  // namespace bbg::report
