#include "data_prep/conversion/conversion.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "core/error.h"
#include "data/shard_format.h"

namespace bbg::data_prep {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{200};

// Without the folders of this machine: reasons are stored in shards, which are the same everywhere.
std::string reason_of(const core::UsageError& error, const std::string& place,
                      const std::string& name) {
  std::string text = error.what();
  const size_t at = text.find(place);
  if (!place.empty() && at != std::string::npos) text.replace(at, place.size(), name);
  return text;
}

}  // namespace

Conversion::Conversion(const ImageSource& source, const Recipe& recipe, const Plan& plan,
                       const std::vector<DataSetFolder>& folders, int rank, int size)
    : source_(source), recipe_(recipe), plan_(plan), folders_(folders) {
  for (int64_t shard = rank; shard < plan.shards(); shard += size) own_.push_back(shard);
}

void Conversion::run(int64_t threads, const std::function<void()>& look) {
  in_threads(
      threads, [this] { check(); }, look);
  std::sort(to_make_.begin(), to_make_.end());
  distance_ = plan_.is_shuffled() || !source_.lies_in_order() ? kAhead * threads : 0;
  in_threads(
      threads, [this] { convert(); }, look);
}

void Conversion::in_threads(int64_t threads, const std::function<void()>& work,
                            const std::function<void()>& look) {
  int64_t running = threads;
  std::condition_variable ended;
  {
    std::vector<std::jthread> workers;
    for (int64_t i = 0; i < threads; ++i) {
      workers.emplace_back([&] {
        try {
          work();
        } catch (...) {
          fail();
        }
        const std::lock_guard lock(mutex_);
        --running;
        ended.notify_all();
      });
    }
    std::unique_lock lock(mutex_);
    while (!ended.wait_for(lock, kBetweenLooks, [&] { return running == 0; })) {
      lock.unlock();
      try {
        look();
      } catch (...) {
        fail();
      }
      lock.lock();
    }
  }
  if (failure_) std::rethrow_exception(failure_);
}

void Conversion::fail() {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::current_exception();
  checked_ = own_.size();
  for (const auto& job : jobs_) {
    if (const auto alive = job.lock()) alive->abandon();
  }
}

void Conversion::check() {
  for (size_t i = checked_++; i < own_.size(); i = checked_++) {
    const int64_t shard = own_[i];
    const bool is_whole =
        std::all_of(folders_.begin(), folders_.end(),
                    [&](const DataSetFolder& folder) { return folder.has_whole_shard(shard); });
    if (is_whole) {
      ++shards_kept_;
      images_done_ += plan_.first(shard + 1) - plan_.first(shard);
    } else {
      const std::lock_guard lock(mutex_);
      to_make_.push_back(shard);
    }
  }
}

bool Conversion::begin_shard(Cursor& cursor) const {
  if (cursor.shards == to_make_.size()) return false;
  const int64_t shard = to_make_[cursor.shards++];
  cursor.next = plan_.first(shard);
  cursor.end = plan_.first(shard + 1);
  return true;
}

void Conversion::look_ahead(std::vector<int64_t>& places) {
  places.clear();
  while (distance_ > 0 && asked_.passed < claimed_.passed + distance_) {
    if (asked_.is_between_shards() && !begin_shard(asked_)) return;
    places.push_back(asked_.next++);
    ++asked_.passed;
  }
}

bool Conversion::claim(Work& work) {
  const std::lock_guard lock(mutex_);
  if (failure_) return false;
  if (claimed_.is_between_shards()) {
    open_.reset();
    if (!begin_shard(claimed_)) return false;
    const int64_t shard = to_make_[claimed_.shards - 1];
    std::vector<ShardJob::Target> targets;
    for (const DataSetFolder& folder : folders_) {
      targets.push_back({folder.shard_path(shard), folder.key()});
    }
    first_place_ = claimed_.next;
    open_ = std::make_shared<ShardJob>(targets, claimed_.end - claimed_.next);
    jobs_.push_back(open_);
  }
  work.job = open_;
  work.place = claimed_.next++;
  work.first = first_place_;
  ++claimed_.passed;
  look_ahead(work.ahead);
  return true;
}

void Conversion::make(Converter& converter, const Work& work, ShardJob::Delivery& delivery) {
  const int64_t index = plan_.image(work.place);
  delivery.name = source_.name(index);
  delivery.label = source_.label(index);
  delivery.reason.clear();
  try {
    converter.convert(index, delivery.stored);
    delivery.digests.clear();
    for (const std::vector<uint8_t>& bytes : delivery.stored) {
      delivery.digests.push_back(data::sample_digest(bytes, delivery.label));
    }
  } catch (const core::UsageError& error) {
    delivery.reason = reason_of(error, source_.place(index), delivery.name);
  }
}

void Conversion::convert() {
  Converter converter(source_, recipe_);
  ShardJob::Delivery delivery;
  for (Work work; claim(work);) {
    for (const int64_t place : work.ahead) source_.will_read(plan_.image(place));
    make(converter, work, delivery);
    if (work.job->deliver(work.place - work.first, delivery)) work.job->close();
    ++images_done_;
  }
}

}  // namespace bbg::data_prep
