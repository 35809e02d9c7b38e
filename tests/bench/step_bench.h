#pragma once
// The training step, timed in parts; and its start as a file, for other programs that train the
// same.

#include <nlohmann/json.hpp>

#include "bench/bench_options.h"
#include "comm/communicator.h"
#include "run/run_config.h"

namespace bbg::bench {

// Milliseconds of every timed step, and the mean of each part. A collective.
nlohmann::ordered_json time_steps(const run::RunConfig& config, const BenchOptions& options,
                                  comm::Communicator& communicator,
                                  at::TensorOptions tensor_options);

// Rank 0 writes options.write_start. A collective.
void write_start(const run::RunConfig& config, const BenchOptions& options,
                 comm::Communicator& communicator, at::TensorOptions tensor_options);

}  // namespace bbg::bench
