#pragma once
// Parts of a step by themselves, over sizes, each beside a reference measured in turn with it.

#include <nlohmann/json.hpp>

#include "bench/bench_options.h"
#include "comm/communicator.h"
#include "run/run_config.h"

namespace bbg::bench {

// Sums of float32 tensors of 4 KiB to 256 MiB on the host: the communicator, and MPI_Allreduce
// called directly. A collective.
nlohmann::ordered_json sweep_all_reduce(const BenchOptions& options,
                                        comm::Communicator& communicator);

// Batches from the shards: the loader with 1, 2 and 4 threads, and the same samples read and
// decoded one after the other without one. Every rank reads its share.
nlohmann::ordered_json sweep_loader(const run::RunConfig& config, const BenchOptions& options,
                                    comm::Communicator& communicator);

}  // namespace bbg::bench
