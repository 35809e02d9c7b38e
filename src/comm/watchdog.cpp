#include "comm/watchdog.h"

#include <algorithm>
#include <utility>

#include "comm/watched.h"

namespace bbg::comm {

using std::chrono::milliseconds;

Watchdog::Watchdog(int rank, int size, BoardEntry* board, int local_size, int own,
                   WatchdogOptions options)
    : watched_(
          std::make_shared<Watched>(rank, size, HostBoard(board, local_size, own, rank), options)),
      interval_(std::clamp<int64_t>(options.deadline_ms / 10, 1, 1000)),
      lookout_(milliseconds(options.last_look_ms)) {
  if (options.deadline_ms > 0) thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  watched_->stop();
  wake_.notify_all();
  lookout_.end();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    wake_.wait_for(lock, interval_);
    if (is_ending_ || watched_->is_over()) continue;
    lock.unlock();
    lookout_.ask(interval_);
    watched_->check_deadlines();
    lock.lock();
  }
}

int64_t Watchdog::sequence() const { return watched_->sequence(); }
std::string Watchdog::newest() const { return watched_->newest(); }
std::string Watchdog::dump() const { return watched_->dump(); }

int64_t Watchdog::enter(Operation operation, int64_t bytes) {
  return watched_->enter(operation, bytes);
}
void Watchdog::leave(int64_t sequence) { watched_->leave(sequence); }

bool Watchdog::set_poll(std::function<void(Watched&)> poll) {
  if (!thread_.joinable()) return true;
  if (!poll) return lookout_.set(nullptr);
  return lookout_.set([watched = watched_, poll = std::move(poll)] { poll(*watched); });
}

Watchdog::Guard::Guard(Watchdog& watchdog, Operation operation, int64_t bytes)
    : watchdog_(watchdog), sequence_(watchdog.enter(operation, bytes)) {}

Watchdog::Guard::~Guard() { watchdog_.leave(sequence_); }

Watchdog::Wait::Wait(Watchdog* watchdog, const std::string& what) : watchdog_(watchdog) {
  if (watchdog_ != nullptr) number_ = watchdog_->watched_->begin_wait(what);
}

Watchdog::Wait::~Wait() {
  if (watchdog_ != nullptr) watchdog_->watched_->end_wait(number_);
}

}  // namespace bbg::comm
