#pragma once
// Tells where the ranks of other hosts are, by the files that they write when they have waited for
// half the deadline (collectives_file.h).

#include <cstdint>
#include <string>
#include <vector>

#include "comm/collective_record.h"

namespace bbg::comm {

struct OtherHosts {
  std::string folder;      // empty: nobody writes files
  std::string purpose;     // as in SplitOptions
  int64_t job = 0;         // files of another are passed over
  std::vector<int> ranks;  // their numbers in the job
};

// For the end of a message about `waiting`, which all ranks of this host have entered: the ranks
// that are late or out of order, or that the transfer itself hangs. Takes a few seconds at most.
std::string tell_of_other_hosts(const OtherHosts& others, const Collective& waiting);

}  // namespace bbg::comm
