#include "comm/lookout.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace bbg::comm {

struct Lookout::State {
  std::mutex mutex;
  std::condition_variable changed;
  // Under the mutex:
  std::function<void()> look;
  int64_t wanted = 0, done = 0;  // looks that were asked for, and that have come back
  bool has_thread = false, is_looking = false, is_ending = false;

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return is_ending || wanted > done; });
      if (is_ending) break;
      const int64_t number = wanted;
      std::function<void()> call = look;
      is_looking = true;
      lock.unlock();
      if (call) call();
      call = nullptr;  // things it owns may end here, not under the mutex
      lock.lock();
      is_looking = false;
      done = number;
      changed.notify_all();
    }
  }
};

Lookout::Lookout(std::chrono::milliseconds patience)
    : patience_(patience), state_(std::make_shared<State>()) {}

Lookout::~Lookout() {
  end();
  const bool has_come_back = set(nullptr);
  if (!thread_.joinable()) return;
  if (has_come_back) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

bool Lookout::set(std::function<void()> look) {
  std::unique_lock lock(state_->mutex);
  std::swap(state_->look, look);
  if (state_->look && !state_->has_thread) {
    state_->has_thread = true;
    thread_ = std::thread([state = state_] { state->work(); });
  }
  return state_->changed.wait_for(lock, patience_, [&] { return !state_->is_looking; });
}

void Lookout::ask(std::chrono::milliseconds limit) {
  std::unique_lock lock(state_->mutex);
  if (!state_->has_thread) return;
  const int64_t number = ++state_->wanted;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, limit,
                           [&] { return state_->is_ending || state_->done >= number; });
}

void Lookout::end() {
  const std::lock_guard lock(state_->mutex);
  state_->is_ending = true;
  state_->changed.notify_all();
}

}  // namespace bbg::comm
