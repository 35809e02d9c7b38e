#pragma once
// The training runs of training_case.h with c10d::Reducer of the same libtorch in place of our
// exchange, as DistributedDataParallel uses it.

#include <memory>
#include <optional>

#include "bench/reducers.h"
#include "support/training_case.h"

namespace bbg::testing {

inline TrainedRun run_reduced_by_pytorch(const Case& test, comm::Communicator& communicator,
                                         int64_t global_batch, int64_t steps, const Manner& manner,
                                         size_t bucket_bytes) {
  bench::TimedCommunicator without_exchange(communicator);
  std::optional<bench::Reducers> reducers;
  return run(test, without_exchange, global_batch, steps, manner,
             {.at_start =
                  [&](train::TrainState& state) {
                    reducers.emplace(state, without_exchange, bucket_bytes, bucket_bytes);
                  },
              .before_update =
                  [&](bool is_d) {
                    if (is_d || (test.simultaneous && test.model.has_discriminator())) {
                      reducers->prepare_discriminator();
                    }
                    if (!is_d || test.simultaneous) reducers->prepare_generator_encoder();
                  }});
}

}  // namespace bbg::testing
