#include "run/train_loop.h"

#include "run/run.h"

namespace bbg::run {

void train(const RunConfig& config, comm::Communicator& control, const core::Log& log) {
  Run run(config, control, log);
  if (run.due().evaluation) run.evaluate();  // that the last process owed
  while (!run.is_over()) {
    run.step();
    run.watch();
    if (run.due().report) run.report();
    if (run.due().save) run.save();
    if (run.due().leave) run.leave();
    if (run.due().evaluation) run.evaluate();
    if (run.due().grids) run.draw_grids();
  }
  run.finish();
}

}  // namespace bbg::run
