#pragma once
// How often something may be written that costs time: a small share of it, and not all the time.

namespace bbg::report {

// Times are seconds of any one clock.
class WritePace {
 public:
  // At most `share` of the time goes by with writing, and `least_seconds` lie between two.
  WritePace(double share, double least_seconds) : share_(share), least_(least_seconds) {}

  bool is_due(double now) const { return now >= next_; }
  void wrote(double begin, double end) {
    const double rest = (end - begin) / share_;
    next_ = end + (rest > least_ ? rest : least_);
  }

 private:
  double share_, least_;
  double next_ = -1e300;
};

}  // namespace bbg::report
