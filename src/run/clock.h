#pragma once
// Time of a run: since this process began to train, and of training alone since the last report.
// One thread.

#include <cstdint>
#include <functional>

namespace bbg::run {

class Clock {
 public:
  // Seconds since any moment, never running back.
  using Now = std::function<double()>;
  explicit Clock(Now now = steady_seconds);

  // Training begins behind `step` finished ones. Once; later calls do nothing.
  void start(int64_t step);
  // An interval of reports begins.
  void begin_interval(int64_t step);

  double seconds() const;  // since start()
  // Steps a second since the interval began, without the time that was set aside.
  double steps_per_second(int64_t step) const;

  // While one lives, time is not training's: evaluation, grids, saving.
  class Aside {
   public:
    explicit Aside(Clock& clock) : clock_(clock), start_(clock.now_()) {}
    ~Aside() { clock_.aside_ += clock_.now_() - start_; }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    Clock& clock_;
    double start_;
  };

 private:
  static double steady_seconds();

  Now now_;
  bool is_started_ = false;
  double start_ = 0, interval_start_ = 0, aside_ = 0;
  int64_t interval_step_ = 0;
};

}  // namespace bbg::run
