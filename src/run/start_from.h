#pragma once
// `run.start-from`: a new run begins with the networks of another one as far as they fit, to be
// trained on from there. Optimizers start anew.

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/types.h"
#include "run/run_config.h"
#include "train/train_state.h"

namespace bbg::run {

// Names of the tensors of G, E and D, as in checkpoints; those not taken keep their start.
struct StartingTensors {
  std::vector<std::string> taken, other_shape, missing;
};

// Takes what has name and shape in `source`, the state of a checkpoint or of an exported file.
// Averages come from averages where the source has them, else they are what the networks are. A
// power iteration whose vector the source lacks is run until it fits its weight.
StartingTensors take_networks(const core::StateDict& source, double sn_eps,
                              train::TrainState& state);

// From `path`: a checkpoint's folder or a file of `bbg_dist export`. Rank 0 reads, says what was
// taken and gives it to all. Collective. Refuses a file of which nothing fits.
void start_from(const std::string& path, const RunConfig& config, train::TrainState& state,
                core::FileSystem& files, comm::Communicator& control, const core::Log& log);

}  // namespace bbg::run
