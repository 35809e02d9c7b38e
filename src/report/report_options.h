#pragma once
// How often a run reports.

#include <cstdint>

#include "core/options.h"

namespace bbg::report {

struct ReportOptions {
  int64_t every = 50;        // steps
  int64_t grid_every = 500;  // steps
  int64_t grid_samples = 64, grid_reconstructions = 40;
  int64_t singular_values_every = 0;  // steps
  bool sample_log = false;
  int64_t trace_steps = 0;

  void declare(core::OptionTable& table);
};

}  // namespace bbg::report
