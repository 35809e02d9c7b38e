#include "data_prep/conversion/shard_job.h"

#include <utility>

#include "core/error.h"

namespace bbg::data_prep {

namespace {

// Deliveries that may wait for one image before them: enough for any image that is decoded slowly.
constexpr int64_t kMostWaiting = 512;

}  // namespace

ShardJob::ShardJob(const std::vector<Target>& targets, int64_t images) : images_(images) {
  for (const Target& target : targets) {
    writers_.push_back(std::make_unique<data::ShardWriter>(target.path, target.key));
  }
}

void ShardJob::give_places(std::vector<Write>& writes) {
  while (!waiting_.empty() && waiting_.begin()->first == next_) {
    Delivery delivery = std::move(waiting_.extract(waiting_.begin()).mapped());
    ++next_;
    for (size_t i = 0; i < writers_.size(); ++i) {
      if (!delivery.reason.empty()) {
        writers_[i]->leave_out(delivery.name, delivery.reason);
        continue;
      }
      std::vector<uint8_t>& bytes = delivery.stored[i];
      const int64_t place = writers_[i]->append(std::ssize(bytes), delivery.label,
                                                delivery.digests[i], delivery.name);
      writes.push_back({i, place, std::move(bytes)});
    }
  }
}

bool ShardJob::deliver(int64_t place, Delivery& delivery) {
  std::vector<Write> writes;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return is_abandoned_ || place < next_ + kMostWaiting; });
  if (is_abandoned_) return false;
  const int64_t before = next_;
  waiting_.emplace(place, std::exchange(delivery, {}));
  give_places(writes);
  const int64_t placed = next_ - before;
  lock.unlock();
  if (placed > 0) changed_.notify_all();
  for (const Write& write : writes) writers_[write.target]->write(write.place, write.bytes);
  lock.lock();
  for (Write& write : writes) spare_.push_back(std::move(write.bytes));
  for (size_t i = 0; i < writers_.size() && !spare_.empty(); ++i) {
    delivery.stored.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  finished_ += placed;
  return placed > 0 && finished_ == images_;
}

void ShardJob::abandon() {
  {
    const std::lock_guard lock(mutex_);
    is_abandoned_ = true;
  }
  changed_.notify_all();
}

void ShardJob::close() {
  BBG_CHECK(finished_ == images_, "a shard that lacks images");
  for (const auto& writer : writers_) writer->close();
}

}  // namespace bbg::data_prep
