#include "comm/mpi_control.h"

#include <chrono>
#include <new>
#include <utility>

namespace bbg::comm {

MpiControl::MpiControl(MpiGroup ranks, const CommOptions& options, const std::string& purpose)
    : options_(options),
      ranks_(std::move(ranks)),
      host_(ranks_.on_this_host()),
      watchdog_(make_watchdog(purpose)) {}

MpiControl::~MpiControl() {
  watchdog_.reset();
  // Freeing waits for the other ranks, which may not come.
  if (is_interrupted_ || unwinding_.is_under_way()) return;
  host_.free();
  ranks_.free();
}

std::unique_ptr<Watchdog> MpiControl::make_watchdog(const std::string& purpose) {
  std::vector<int> members = ranks_.all_gather(ranks_.in_job());
  const MpiGroup::Shared board = host_.share(sizeof(BoardEntry));
  new (board.own) BoardEntry{};
  host_.barrier();
  int64_t job = std::chrono::system_clock::now().time_since_epoch().count();
  ranks_.broadcast(&job, 1, at::kLong, 0);
  auto watchdog = std::make_unique<Watchdog>(
      ranks_.in_job(), size(), static_cast<BoardEntry*>(board.first), local_size(), local_rank(),
      WatchdogOptions{.deadline_ms = options_.deadline_ms,
                      .dump_folder = options_.dump_folder,
                      .purpose = purpose,
                      .members = std::move(members),
                      .job = job,
                      .on_expire = {}});
  host_.barrier();
  return watchdog;
}

void MpiControl::barrier() {
  const Watchdog::Guard entered(*watchdog_, Operation::kBarrier, 0);
  ranks_.barrier();
}

std::vector<std::string> MpiControl::all_gather_text(const std::string& text) {
  const Watchdog::Guard entered(*watchdog_, Operation::kText, -1);
  return ranks_.all_gather_text(text);
}

bool MpiControl::agree(bool ready) {
  const Watchdog::Guard entered(*watchdog_, Operation::kAgree, sizeof(int));
  return ranks_.all_of(ready);
}

}  // namespace bbg::comm
