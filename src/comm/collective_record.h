#pragma once
// A rank's newest collectives, with the times at which it entered and left them, and those that are
// under way. One thread at a time.

#include <chrono>
#include <cstdint>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "comm/operation.h"

namespace bbg::comm {

struct Collective {
  using Time = std::chrono::steady_clock::time_point;

  int64_t sequence = 0;  // counted from 1
  Operation operation = Operation::kBarrier;
  int64_t bytes = -1;  // -1: not the same on all ranks
  Time entered, left;  // left < entered: under way

  std::string title() const;  // operation and number: "all_reduce #16"
};

class CollectiveRecord {
 public:
  static constexpr int64_t kRemembered = 512;

  // `sequence` is one more than that of the one before.
  void enter(int64_t sequence, Operation operation, int64_t bytes);
  void leave(int64_t sequence);
  // The newest is not waited for, and is never left.
  void give_up_newest();

  bool is_empty() const { return ring_.empty(); }
  // Both only where there is such a one.
  const Collective& newest() const;
  const Collective& oldest_under_way() const { return under_way_.front(); }
  bool is_under_way() const { return !under_way_.empty(); }
  // Since when the oldest one under way has had the device, or the host, for itself.
  Collective::Time waits_since() const;

  // Oldest first, with seconds since this object was made (docs/failure_model.md).
  nlohmann::ordered_json list() const;

 private:
  const Collective::Time start_ = std::chrono::steady_clock::now();
  std::vector<Collective> ring_;  // the newest of sequence s at s % kRemembered
  int64_t first_ = 0, newest_ = 0;
  std::deque<Collective> under_way_;  // oldest first
  Collective::Time last_left_ = start_;
};

}  // namespace bbg::comm
