#pragma once
// Which run a checkpoint is of, beside the names and shapes of its tensors: facts that stand in its
// text.

#include <map>
#include <string>

#include "core/types.h"
#include "run/run_config.h"

namespace bbg::run {

// Those that a run which goes on from a checkpoint must share with it.
std::map<std::string, std::string> identity_of(const RunConfig& config,
                                               const std::string& fingerprint);

// Those that say which networks it holds.
std::map<std::string, std::string> model_identity_of(const RunConfig& config);

// UsageError for the first fact of `identity` that the checkpoint at `where` states otherwise.
void check_identity(const std::map<std::string, std::string>& identity,
                    const core::StateDict& state, const std::string& where,
                    const std::string& hint);

}  // namespace bbg::run
