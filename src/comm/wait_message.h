#pragma once
// The first part of the line that a rank prints when a wait has passed its deadline: who waits, for
// what, for how long, and which ranks have not come.

#include <string>

#include "comm/collective_record.h"
#include "comm/host_board.h"
#include "comm/watchdog_options.h"

namespace bbg::comm {

class WaitMessage {
 public:
  // `rank` is that in the job, `size` the number of the communicator's ranks. `options` outlive
  // this object and have their members.
  WaitMessage(int rank, int size, const WatchdogOptions& options)
      : rank_(rank), size_(size), options_(options) {}

  std::string rank() const { return "rank " + std::to_string(rank_); }
  // Rank, operation, number and bytes.
  std::string head(const Collective& one) const;
  // The oldest collective under way. Reads other hosts' files, for a few seconds at most.
  std::string of_oldest(const CollectiveRecord& record, const HostBoard& board) const;
  // A wait that the rank makes alone.
  std::string of_own_wait(const std::string& what, Collective::Time since) const;

 private:
  std::string passed(Collective::Time since) const;

  int rank_, size_;
  const WatchdogOptions& options_;
};

}  // namespace bbg::comm
