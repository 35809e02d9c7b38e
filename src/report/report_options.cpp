#include "report/report_options.h"

namespace bbg::report {

void ReportOptions::declare(core::OptionTable& table) {
  table
      .add("report.every", &every,
           "Losses and speed are reported after every so many steps, and after the last")
      .unit("steps")
      .at_least(1);
  table
      .add("report.grid-every", &grid_every,
           "Grids of samples and reconstructions are made after every so many steps, and after "
           "the last")
      .unit("steps")
      .at_least(1);
  table.add("report.grid-samples", &grid_samples, "Samples in a grid").at_least(1);
  table
      .add("report.grid-reconstructions", &grid_reconstructions,
           "Test images in a grid of reconstructions; fewer where there are fewer")
      .at_least(1);
  table
      .add("report.singular-values-every", &singular_values_every,
           "The largest singular value of every weight is reported after every so many steps; 0: "
           "never. BigGAN's collapse shows there first, exploding in G")
      .unit("steps")
      .at_least(0);
  table.add("report.sample-log", &sample_log,
            "Write the ids of each step's samples to samples.log in the run folder");
  table
      .add("report.trace-steps", &trace_steps,
           "Write the timeline of so many steps, after the first three, to trace-rank-<rank>.json "
           "in the run folder (a Chrome trace: chrome://tracing, ui.perfetto.dev); 0: none")
      .unit("steps")
      .at_least(0);
}

}  // namespace bbg::report
