#pragma once
// The cards at a report's top: the evaluation's numbers large, and how long training took.

#include <string>

#include "report/card.h"
#include "report/run_record.h"

namespace bbg::report {

std::string cards_html(const RunRecord& run, const Measures& measures);

// Training time over all processes of the run: each counts its seconds from 0.
double total_seconds(const RunRecord& run);

// The middle of a field's finite values; NaN without any.
double median_of(const RunRecord& run, const std::string& field);

}  // namespace bbg::report
