#pragma once
// Options for what bbg_bench measures. Model, training and data have the options of bbg_dist.

#include <cstdint>
#include <string>

#include "core/options.h"

namespace bbg::bench {

struct BenchOptions {
  std::string what = "step";
  std::string exchange = "ours";
  bool parts = true;
  bool without_graphs = false;
  std::string trace;
  int64_t warmup = 3;  // steps
  int64_t rounds = 5;
  int64_t steps = 5;  // in a round
  std::string write_start;

  void declare(core::OptionTable& table) {
    table.add("bench.what", &what, "What is measured").one_of({"step", "all-reduce", "loader"});
    table
        .add("bench.exchange", &exchange,
             "Who averages gradients: this project, or PyTorch's c10d::Reducer over MPI (on a GPU "
             "over "
             "its NCCL process group, without CUDA graphs), which drives the same networks and "
             "steps")
        .one_of({"ours", "reducer"});
    table.add("bench.warmup", &warmup, "Steps before the clock runs").unit("steps").at_least(1);
    table.add("bench.rounds", &rounds, "Rounds of measurements").at_least(1);
    table.add("bench.parts", &parts,
              "Time the parts of a step: on a GPU each is waited for; false times whole rounds");
    table.add("bench.steps", &steps, "Steps of one round").unit("steps").at_least(1);
    table.add(
        "bench.without-graphs", &without_graphs,
        "On a GPU: after all else, time as many steps made call by call, on the same networks");
    table.add(
        "bench.trace", &trace,
        "After all else, write the timeline of one more step to this file, as report.trace-steps "
        "does (rank 0's)");
    table.add("bench.write-start", &write_start,
              "Before all else, write weights, images, noise and the losses of the first steps to "
              "this file, for tests/bench/ddp_step.py, and end");
  }
};

}  // namespace bbg::bench
