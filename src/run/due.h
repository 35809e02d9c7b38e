#pragma once
// Tasks that are due after a step: a pure function of options and step, equal on all ranks.

#include <cstdint>

#include "run/run_config.h"

namespace bbg::run {

struct Due {
  bool replica_check = false;  // train.replica-check-every
  bool spectra = false;        // report.singular-values-every
  // A report that comes whenever the run is started and stopped, as train::DivergenceWatch needs.
  bool regular_report = false;
  bool report = false;
  bool save = false;
  bool evaluation = false;  // that of the last step belongs to the end of the run
  bool grids = false;       // as the evaluation
  bool leave = false;

  // Losses are read back from the device.
  bool losses() const { return report || save; }
};

// eval.every and eval.schedule
bool is_evaluation_due(const RunConfig& config, int64_t step);

// After `step` finished steps, step > 0. A run that is asked to stop saves and leaves; one that has
// made its last step ends anyway.
Due due_after(const RunConfig& config, int64_t step, bool is_asked_to_stop);

}  // namespace bbg::run
