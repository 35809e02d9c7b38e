#pragma once
// Keeps a data set in the memory of each host (data.cache = ram): one copy, which the ranks of the
// host share and fill together.

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/shard_set.h"

namespace bbg::run {

// The same set, whose samples come from memory once a rank of the host has read them. `hosts`: of
// each rank. A collective; ends the job (JobEnd) with a UsageError that tells numbers where a
// host's memory does not suffice.
data::ShardSet share_samples(const data::ShardSet& set, const std::vector<std::string>& hosts,
                             comm::Communicator& control);

}  // namespace bbg::run
