#pragma once
// Ranks that were started with different programs, options or data would train on and drift apart.
// They are compared before any work, and refused.

#include <string>
#include <utility>
#include <vector>

#include "comm/communicator.h"
#include "run/run_config.h"

namespace bbg::run {

// Ordered name -> value, of equal names in equal order on ranks of the same program.
using Facts = std::vector<std::pair<std::string, std::string>>;

// Ends on all ranks (JobEnd) with one line if any rank's facts differ from rank 0's: it names the
// first such rank and its first differing fact. A collective of a few bytes a rank where all agree.
void compare_ranks(comm::Communicator& control, const Facts& facts);

// The program, down to the bytes of its file, and every option that must be equal on all ranks.
// Paths of shards and the number of threads may differ: hosts may keep copies of the data in other
// places and have other cores.
Facts facts_of_start(const RunConfig& config, const std::string& version);

}  // namespace bbg::run
