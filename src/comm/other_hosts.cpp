#include "comm/other_hosts.h"

#include <algorithm>

#include "comm/collectives_file.h"

namespace bbg::comm {

namespace {

void add(std::string& list, int rank, const std::string& what) {
  list += (list.empty() ? "rank " : ", rank ") + std::to_string(rank) + what;
}

std::string read_files(const OtherHosts& others, const Collective& waiting) {
  std::string late, differing;
  for (const int rank : others.ranks) {
    const auto entered =
        read_collectives(collectives_path(others.folder, rank, others.purpose), others.job);
    // One that is ahead has been here too.
    const auto same = std::find_if(entered.begin(), entered.end(), [&](const PeerCollective& one) {
      return one.sequence == waiting.sequence;
    });
    if (entered.empty()) {
      add(late, rank, " (on another host; it told nothing in " + others.folder + ")");
    } else if (entered.back().sequence < waiting.sequence) {
      add(late, rank,
          " (on another host; it told of #" + std::to_string(entered.back().sequence) + ")");
    } else if (same != entered.end() && same->operation != name_of(waiting.operation)) {
      add(differing, rank, " entered " + same->operation);
    } else if (same != entered.end() && same->bytes != waiting.bytes) {
      add(differing, rank, " entered one of another size");
    }
  }
  if (!differing.empty()) return "the ranks are out of order: " + differing;
  if (!late.empty()) return "not there yet: " + late;
  return "every rank has entered it, so the transfer itself hangs";
}

}  // namespace

std::string tell_of_other_hosts(const OtherHosts& others, const Collective& waiting) {
  const auto look = [others, waiting] { return read_files(others, waiting); };
  const auto answer = others.folder.empty() ? std::nullopt : within(kFilesLimitMs, look);
  return answer.value_or("every rank of this host is there, so a rank of another host is late");
}

}  // namespace bbg::comm
