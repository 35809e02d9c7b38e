#pragma once
// The training step, timed in parts; and its start as a file, for other programs that train the
// same.

#include <nlohmann/json.hpp>

#include "app/device.h"
#include "app/run_config.h"
#include "bench/bench_options.h"
#include "comm/communicator.h"

namespace bbg::bench {

// Where this rank computes. A collective.
app::Place own_place(const app::ComputeOptions& options, comm::Communicator& communicator);

// Milliseconds of every timed step, and the mean of each part. A collective.
nlohmann::ordered_json time_steps(const app::RunConfig& config, const BenchOptions& options,
                                  comm::Communicator& communicator);

// Rank 0 writes options.write_start. A collective.
void write_start(const app::RunConfig& config, const BenchOptions& options,
                 comm::Communicator& communicator);

}  // namespace bbg::bench
