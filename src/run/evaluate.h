#pragma once
// Measures a checkpoint of a run, on all ranks, without training anything.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/log.h"
#include "run/run_config.h"

namespace bbg::run {

struct EvaluateRequest {
  std::string checkpoint;             // as load_networks() takes it
  std::vector<std::string> measures;  // their keys; empty: all
  std::vector<double> truncations;    // values of eval.truncation to sweep over
};

// {"step", "checkpoint", and a group for each measure that the system, the options and the data
// allow, as in evaluation.json, "truncation_sweep": [{"truncation", groups of samples' measures}]};
// on every rank. Warns of what is left out. A collective. UsageError where a measure that is asked
// for is unknown or cannot be taken here, or a truncation does not fit the prior.
nlohmann::ordered_json evaluate(const RunConfig& config, const EvaluateRequest& request,
                                comm::Communicator& control, const core::Log& log);

}  // namespace bbg::run
