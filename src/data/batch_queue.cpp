#include "data/batch_queue.h"

#include <algorithm>
#include <utility>

namespace bbg::data {

namespace {

// What a thread takes at a time: enough that the others' mutex costs nothing beside it.
constexpr int64_t kRunBytes = 256 << 10;

}  // namespace

BatchQueue::BatchQueue(const LoadedBatch& form, int64_t first_draw, int64_t room, Allocate allocate)
    : form_(form),
      room_(room),
      run_rows_(std::max<int64_t>(1, kRunBytes / form.sample_bytes())),
      allocate_(std::move(allocate)),
      next_draw_(first_draw) {}

std::optional<BatchQueue::Run> BatchQueue::take() {
  const auto has_rows = [&](const Slot* slot) { return slot->taken < form_.count; };
  const auto found = std::find_if(queue_.begin(), queue_.end(), has_rows);
  if (found == queue_.end() && std::ssize(queue_) >= room_) return std::nullopt;
  Slot& slot = found == queue_.end() ? begin_batch() : **found;
  const Run run{&slot, slot.taken, std::min(run_rows_, form_.count - slot.taken)};
  slot.taken += run.count;
  return run;
}

BatchQueue::Slot& BatchQueue::begin_batch() {
  if (free_.empty()) {
    auto slot = std::make_unique<Slot>(Slot{.batch = form_, .error = nullptr});
    slot->batch.memory = allocate_(form_.count * form_.sample_bytes());
    slot->batch.labels.resize(static_cast<size_t>(form_.count));
    slot->batch.sample_ids.resize(static_cast<size_t>(form_.count));
    all_.push_back(std::move(slot));
    free_.push_back(all_.back().get());
  }
  Slot& slot = *free_.back();
  free_.pop_back();
  slot.batch.draw = next_draw_ + std::ssize(queue_);
  slot.taken = slot.done = 0;
  queue_.push_back(&slot);
  return slot;
}

// Rows that nobody has taken yet are given up with the first error. Those before it were all taken,
// so the error of the lowest row is the same whoever comes first.
void BatchQueue::finish(const Run& run, std::exception_ptr error, int64_t failed_row) {
  Slot& slot = *run.slot;
  slot.done += run.count;
  if (!error) return;
  slot.done += form_.count - slot.taken;
  slot.taken = form_.count;
  if (slot.error && slot.failed_row < failed_row) return;
  slot.error = std::move(error);
  slot.failed_row = failed_row;
}

BatchQueue::Slot* BatchQueue::front() {
  return !queue_.empty() && queue_.front()->done == form_.count ? queue_.front() : nullptr;
}

BatchQueue::Slot* BatchQueue::pop() {
  Slot* slot = queue_.front();
  queue_.pop_front();
  ++next_draw_;
  return slot;
}

}  // namespace bbg::data
