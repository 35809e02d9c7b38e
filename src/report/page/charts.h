#pragma once
// The curves of a page: as figures with SVG, which every reader can show, and as data for the
// library that draws them where scripts run.

#include <string>
#include <vector>

#include "report/card.h"
#include "report/run_record.h"
#include "report/svg_chart.h"

namespace bbg::report {

// Totals in one chart, the terms of each in one, anything else in a chart of its own; without what
// the system's charts show.
std::vector<Chart> training_charts(const RunRecord& run, const Measures& measures);

// Whether a field tells how the machine does, not the model.
bool is_of_system(const std::string& field);

class ChartSet {
 public:
  // The figures of those charts that have a value; empty if none has.
  std::string add(const std::vector<Chart>& charts);
  // Controls of all charts; shown where scripts run.
  static std::string controls();
  // JSON: labels, rows and shown range of each figure, in their order. Empty without figures.
  std::string data() const;

 private:
  std::string data_;
};

}  // namespace bbg::report
