#pragma once
// Numbers of a step for reports and the watch, by their names in metrics.jsonl; equal on all ranks.
// Both calls are collectives and wait for the device.

#include "comm/communicator.h"
#include "core/values.h"
#include "loss/loss.h"
#include "train/train_state.h"

namespace bbg::run {

// The losses of D's update, and of that of G and E.
struct Losses {
  loss::Loss d, ge;
};

// Means over ranks of the losses, and the norms of gradients, which are equal on all.
core::Values measured_losses(const Losses& losses, const train::TrainState& state,
                             comm::Communicator& communicator);

// The largest singular values of the networks' weights, as rank 0 finds them.
core::Values measured_spectra(const model::Nets& nets, comm::Communicator& control);

}  // namespace bbg::run
