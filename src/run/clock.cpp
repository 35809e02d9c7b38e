#include "run/clock.h"

#include <chrono>
#include <utility>

namespace bbg::run {

Clock::Clock(Now now) : now_(std::move(now)) {}

double Clock::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Clock::start(int64_t step) {
  if (is_started_) return;
  is_started_ = true;
  start_ = now_();
  begin_interval(step);
}

void Clock::begin_interval(int64_t step) {
  interval_start_ = now_();
  interval_step_ = step;
  aside_ = 0;
}

double Clock::seconds() const { return now_() - start_; }

double Clock::steps_per_second(int64_t step) const {
  return static_cast<double>(step - interval_step_) / (now_() - interval_start_ - aside_);
}

}  // namespace bbg::run
