#include "comm/watchdog.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "core/error.h"

namespace bbg::comm {

namespace {

using Clock = std::chrono::steady_clock;

void print_and_leave(const std::string& message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::fflush(stderr);
  ::_exit(core::kExitRestart);
}

}  // namespace

struct Watchdog::State {
  int rank, size;
  int64_t deadline_ms;
  BoardEntry* board;
  int local_size, own;
  std::function<void(const std::string&)> on_expire;

  std::mutex mutex;
  std::condition_variable wake;
  bool stop = false;
  const char* operation = nullptr;  // the collective under way, if any
  int64_t bytes = 0;
  Clock::time_point entered;
  int64_t reported = -1;
  std::thread thread;

  std::string describe() const {
    const int64_t sequence = board[own].sequence;
    const double waited = std::chrono::duration<double>(Clock::now() - entered).count();
    char head[200];
    std::snprintf(head, sizeof head,
                  "rank %d: %s #%lld (%lld bytes) has waited %.1f s, the deadline is %lld ms "
                  "(comm.deadline-ms)",
                  rank, operation, static_cast<long long>(sequence), static_cast<long long>(bytes),
                  waited, static_cast<long long>(deadline_ms));
    std::string late;
    for (int i = 0; i < local_size; ++i) {
      const BoardEntry& entry = board[i];
      if (i == own || entry.sequence >= sequence) continue;
      const bool dead =
          entry.process > 0 && ::kill(static_cast<pid_t>(entry.process), 0) != 0 && errno == ESRCH;
      late += (late.empty() ? "" : ", ") + std::string("rank ") + std::to_string(entry.rank - 1) +
              (dead ? " (its process is gone)" : " (at #" + std::to_string(entry.sequence) + ")");
    }
    std::string text = head;
    if (!late.empty()) {
      text += "; not there yet: " + late;
    } else if (local_size < size) {
      text += "; every rank of this host is there, so a rank of another host is late";
    } else {
      text += "; every rank has entered it, so the transfer itself hangs";
    }
    return text +
           ". The job ends with exit code 75; starting it again resumes from the newest "
           "checkpoint.";
  }

  void watch() {
    std::unique_lock lock(mutex);
    while (!stop) {
      wake.wait_for(lock, std::chrono::milliseconds(std::max<int64_t>(1, deadline_ms / 10)));
      if (stop || operation == nullptr || board[own].sequence == reported) continue;
      if (Clock::now() - entered < std::chrono::milliseconds(deadline_ms)) continue;
      reported = board[own].sequence;
      const std::string message = describe();
      lock.unlock();
      on_expire(message);
      lock.lock();
    }
  }
};

Watchdog::Watchdog(int rank, int size, int64_t deadline_ms, BoardEntry* board, int local_size,
                   int own, std::function<void(const std::string&)> on_expire)
    : state_(new State) {
  state_->rank = rank;
  state_->size = size;
  state_->deadline_ms = deadline_ms;
  state_->board = board;
  state_->local_size = local_size;
  state_->own = own;
  state_->on_expire = on_expire ? std::move(on_expire) : print_and_leave;
  board[own].rank = rank + 1;
  board[own].process = ::getpid();
  if (deadline_ms > 0) state_->thread = std::thread([this] { state_->watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
}

int64_t Watchdog::sequence() const { return state_->board[state_->own].sequence; }

Watchdog::Guard::Guard(Watchdog& watchdog, const char* operation, int64_t bytes)
    : watchdog_(watchdog) {
  State& state = *watchdog_.state_;
  const std::lock_guard lock(state.mutex);
  ++state.board[state.own].sequence;
  state.operation = operation;
  state.bytes = bytes;
  state.entered = Clock::now();
}

Watchdog::Guard::~Guard() {
  const std::lock_guard lock(watchdog_.state_->mutex);
  watchdog_.state_->operation = nullptr;
}

}  // namespace bbg::comm
