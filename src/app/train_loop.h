#pragma once
// A training run from start to report: what `bbg_dist --config FILE` does.

#include "app/run_config.h"
#include "comm/communicator.h"
#include "core/log.h"

namespace bbg::app {

// All ranks call it. Throws Leave after a failure that every rank knows of; other exceptions are
// one rank's own.
void train(const RunConfig& config, comm::Communicator& control, const core::Log& log);

}  // namespace bbg::app
