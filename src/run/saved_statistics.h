#pragma once
// Statistics of batch norm for the networks of a checkpoint: standing ones where the data of the
// run is at hand, else those that training left.

#include <optional>
#include <string>

#include "core/log.h"
#include "data/shard_set.h"
#include "measure/context.h"
#include "measure/subject.h"
#include "run/run_config.h"
#include "run/saved_networks.h"

namespace bbg::run {

struct RunData {
  std::optional<data::ShardSet> train, test;
  std::string problem;  // why `train` is not there
};

// The data that the run was trained on, if it can be read here. Rank-local; throws nothing.
RunData open_data_of(const RunConfig& config, const SavedNetworks& saved);

// Gives G and E, those that are there, their statistics; says which, in words. Warns where they
// are not standing. A collective; `data` is there on all ranks or on none.
std::string make_statistics(const measure::Context& context, model::Generator* generator,
                            model::Encoder* encoder, const RunData& data, const core::Log& log);

}  // namespace bbg::run
