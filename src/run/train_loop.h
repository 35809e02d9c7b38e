#pragma once
// A training run from start to report: what `bbg_dist --config FILE` does.

#include "comm/communicator.h"
#include "core/log.h"
#include "run/run_config.h"

namespace bbg::run {

// All ranks call it. Throws JobEnd after a failure that every rank knows of; other exceptions are
// one rank's own.
void train(const RunConfig& config, comm::Communicator& control, const core::Log& log);

}  // namespace bbg::run
