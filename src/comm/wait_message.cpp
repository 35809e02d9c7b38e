#include "comm/wait_message.h"

#include <chrono>
#include <cstdio>
#include <utility>
#include <vector>

#include "comm/other_hosts.h"

namespace bbg::comm {

std::string WaitMessage::head(const Collective& one) const {
  std::string text = rank() + ": " + one.title();
  if (!options_.purpose.empty()) text += " of " + options_.purpose;
  if (one.bytes >= 0) text += " (" + std::to_string(one.bytes) + " bytes)";
  return text;
}

std::string WaitMessage::of_oldest(const CollectiveRecord& record, const HostBoard& board) const {
  const Collective& oldest = record.oldest_under_way();
  const std::string text = head(oldest) + " has waited" + passed(record.waits_since()) + "; ";
  if (const std::string late = board.late(oldest.sequence); !late.empty()) {
    return text + "not there yet: " + late;
  }
  if (board.size() == size_) {
    return text + "every rank has entered it, so the transfer itself hangs";
  }
  std::vector<int> elsewhere = options_.members;
  for (const int rank : board.ranks()) std::erase(elsewhere, rank);
  return text + tell_of_other_hosts({.folder = options_.dump_folder,
                                     .purpose = options_.purpose,
                                     .job = options_.job,
                                     .ranks = std::move(elsewhere)},
                                    oldest);
}

std::string WaitMessage::of_own_wait(const std::string& what, Collective::Time since) const {
  return rank() + ": the wait for " + what + " has taken" + passed(since);
}

std::string WaitMessage::passed(Collective::Time since) const {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - since;
  char text[120];
  std::snprintf(text, sizeof text, " %.1f s, the deadline is %lld ms (comm.deadline-ms)",
                seconds.count(), static_cast<long long>(options_.deadline_ms));
  return text;
}

}  // namespace bbg::comm
