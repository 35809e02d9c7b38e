#pragma once
// Are all replicas equal, bit for bit? A rank that has drifted (a broken memory cell, a collective
// that lost a contribution, ranks that read different data) spoils every rank's result and shows in
// no loss.

#include <string>

#include "comm/communicator.h"
#include "train/train_state.h"

namespace bbg::train {

// Compares digests of all that TrainState holds: parameters, buffers, averages, moments. Empty
// where all ranks agree, else the same sentence on every rank: how many tensors differ, the first
// of them, and the ranks that are not of the majority. `control` carries host memory. A collective.
std::string differing_replicas(const TrainState& state, comm::Communicator& control);

}  // namespace bbg::train
