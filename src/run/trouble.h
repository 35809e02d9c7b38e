#pragma once
// A run in trouble: what it says, and whether it goes on, goes back or ends. Called by all ranks
// with the same arguments.

#include <cstdint>

#include "comm/communicator.h"
#include "core/log.h"
#include "train/divergence.h"
#include "train/train_state.h"

namespace bbg::run {

// Warns, or ends the job (JobEnd), before a state is saved that would push whole ones out. True:
// the run is to go back.
bool answer_trouble(const train::Trouble& trouble, int64_t rollbacks, comm::Communicator& control,
                    const core::Log& log);

// Ends the job (JobEnd) where the ranks have drifted apart: it goes on from the last checkpoint. A
// collective.
void refuse_differing_replicas(const train::TrainState& state, int64_t step,
                               comm::Communicator& control);

}  // namespace bbg::run
