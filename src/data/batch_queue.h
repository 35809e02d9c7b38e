#pragma once
// The batches of a loader that are being built or wait to be lent, in order of draw, and the memory
// of those that were given back. Threads take runs of rows of the earliest batch that has some
// left. Whoever calls holds the loader's mutex.

#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "data/loaded_batch.h"

namespace bbg::data {

class BatchQueue {
 public:
  // `form`: an empty batch, whose shape all have. At most `room` lie in the queue.
  BatchQueue(const LoadedBatch& form, int64_t first_draw, int64_t room, Allocate allocate);

  struct Slot {
    LoadedBatch batch;
    int64_t taken = 0, done = 0;  // rows
    std::exception_ptr error;     // of its first row that failed
    int64_t failed_row = 0;
  };
  struct Run {
    Slot* slot;
    int64_t first, count;  // rows
  };

  // The next rows to build; none while there is no room.
  std::optional<Run> take();
  // Its rows were built, or, with an error, those before `failed_row`.
  void finish(const Run& run, std::exception_ptr error = nullptr, int64_t failed_row = 0);

  int64_t next_draw() const { return next_draw_; }
  // The batch of next_draw(), once each of its rows is built or given up; else null.
  Slot* front();
  // Takes it off the queue. It comes back by give_back().
  Slot* pop();
  void give_back(Slot* slot) { free_.push_back(slot); }

 private:
  Slot& begin_batch();

  const LoadedBatch form_;
  const int64_t room_, run_rows_;
  const Allocate allocate_;
  int64_t next_draw_;
  std::vector<std::unique_ptr<Slot>> all_;
  std::vector<Slot*> free_;
  std::deque<Slot*> queue_;
};

}  // namespace bbg::data
