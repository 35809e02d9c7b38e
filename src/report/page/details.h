#pragma once
// The small print of a report: every number of the evaluation with its protocol, options that
// changed on the way, the configuration.

#include <string>

#include "report/card.h"
#include "report/run_record.h"

namespace bbg::report {

// Why the evaluation failed; empty where it did not.
std::string failure_html(const RunRecord& run);

// A row for each number of evaluation.json; empty without.
std::string measures_html(const RunRecord& run, const Measures& measures);

std::string details_html(const RunRecord& run);

}  // namespace bbg::report
