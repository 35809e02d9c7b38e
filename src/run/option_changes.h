#pragma once
// Which options of a run differ from those that it had when a checkpoint was saved.

#include <string>
#include <vector>

#include "core/options.h"
#include "report/sink.h"

namespace bbg::run {

// `saved_config` is the INI text in the checkpoint. Options that it lacks, of a newer version, had
// the values that are defaults now; what it has beyond today's options is passed over.
std::vector<report::OptionChange> option_changes(const std::string& saved_config,
                                                 const core::OptionTable& table);

// "train.lr-g 0.001 -> 0.0005, run.steps 20 -> 40"
std::string changes_text(const std::vector<report::OptionChange>& changes);

}  // namespace bbg::run
