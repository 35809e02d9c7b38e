#include "comm/collective_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bbg::comm {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

size_t place_of(int64_t sequence) {
  return static_cast<size_t>(sequence % CollectiveRecord::kRemembered);
}

}  // namespace

std::string Collective::title() const {
  return std::string(name_of(operation)) + " #" + std::to_string(sequence);
}

void CollectiveRecord::enter(int64_t sequence, Operation operation, int64_t bytes) {
  if (ring_.empty()) first_ = sequence;
  newest_ = sequence;
  const size_t place = place_of(sequence);
  if (ring_.size() <= place) ring_.resize(place + 1);
  const Clock::time_point now = Clock::now();
  ring_[place] = {sequence, operation, bytes, now, now - Clock::duration(1)};
  under_way_.push_back(ring_[place]);
}

void CollectiveRecord::leave(int64_t sequence) {
  last_left_ = Clock::now();
  Collective& one = ring_[place_of(sequence)];
  if (one.sequence == sequence) one.left = last_left_;
  std::erase_if(under_way_, [&](const Collective& open) { return open.sequence == sequence; });
}

void CollectiveRecord::give_up_newest() { under_way_.pop_back(); }

const Collective& CollectiveRecord::newest() const { return ring_[place_of(newest_)]; }

Collective::Time CollectiveRecord::waits_since() const {
  return std::max(under_way_.front().entered, last_left_);
}

nlohmann::ordered_json CollectiveRecord::list() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  if (is_empty()) return list;
  for (int64_t sequence = std::max(first_, newest_ - kRemembered + 1); sequence <= newest_;
       ++sequence) {
    const Collective& one = ring_[place_of(sequence)];
    nlohmann::ordered_json item = {{"sequence", one.sequence},
                                   {"operation", name_of(one.operation)},
                                   {"bytes", one.bytes},
                                   {"entered_s", seconds_between(start_, one.entered)}};
    item["left_s"] = one.left < one.entered
                         ? nlohmann::ordered_json()
                         : nlohmann::ordered_json(seconds_between(start_, one.left));
    list.push_back(item);
  }
  return list;
}

}  // namespace bbg::comm
