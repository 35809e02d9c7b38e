#pragma once
// report.html in a run folder: one self-contained page, which loads nothing from anywhere,
// for people who were not there: what was measured, what the model makes, how training went.

#include <string>

#include "core/file_system.h"
#include "report/card.h"

namespace bbg::report {

// Reads config.ini, metrics.jsonl, evaluation.json and grids/*.png; what is missing is left out.
// UsageError if evaluation.json is not JSON. Replaces report.html atomically. Of evaluation.json it
// shows `measures`.
void write_html_report(core::FileSystem& files, const std::string& run_folder,
                       const Measures& measures);

}  // namespace bbg::report
