#include "run/due.h"

namespace bbg::run {

namespace {

// Every 0 steps: never.
bool is_multiple(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

}  // namespace

bool is_evaluation_due(const RunConfig& config, int64_t step) {
  return config.evaluate.due().is_due(step);
}

Due due_after(const RunConfig& config, int64_t step, bool is_asked_to_stop) {
  const bool is_last = step == config.run.steps;
  const bool is_evaluated = is_evaluation_due(config, step);
  Due due;
  due.replica_check = is_multiple(step, config.train.replica_check_every);
  due.spectra = is_multiple(step, config.report.singular_values_every);
  due.regular_report = due.spectra || is_multiple(step, config.report.every);
  due.report = is_last || due.regular_report || is_evaluated;
  due.leave = !is_last && is_asked_to_stop;
  due.save = is_last || due.leave || is_multiple(step, config.checkpoint.every) ||
             (is_evaluated && config.checkpoint.keeps_best());
  due.evaluation = !is_last && is_evaluated;
  due.grids = !is_last && is_multiple(step, config.report.grid_every);
  return due;
}

}  // namespace bbg::run
