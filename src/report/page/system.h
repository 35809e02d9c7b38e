#pragma once
// How the machine did: speed, waits and whatever else of it the run measured.

#include <string>

#include "report/page/charts.h"
#include "report/run_record.h"

namespace bbg::report {

// A table and charts of the fields that are there; empty without.
std::string system_html(const RunRecord& run, ChartSet& charts);

}  // namespace bbg::report
