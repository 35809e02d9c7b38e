#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/sink.h"

namespace bbg::report {
namespace {

using testing::ElementsAre;

// Writes down what it is told.
class NotingSink final : public Sink {
 public:
  NotingSink(std::string name, std::vector<std::string>& notes)
      : name_(std::move(name)), notes_(notes) {}
  void interval(const Interval& interval) override { note("interval", interval.step); }
  void more(int64_t step, const core::Values& values) override {
    note("more " + values[0].first, step);
  }
  void image(int64_t step, const std::string& name, const core::Image&) override {
    note(name, step);
  }
  void evaluation(int64_t step, const core::Values& values) override {
    note(values[0].first, step);
  }
  void close() override { note("close", 0); }

 private:
  void note(const std::string& what, int64_t step) {
    notes_.push_back(name_ + " " + what + " " + std::to_string(step));
  }

  const std::string name_;
  std::vector<std::string>& notes_;
};

TEST(FanOut, PassesEverythingToEachSinkInOrder) {
  std::vector<std::string> notes;
  std::vector<std::unique_ptr<Sink>> sinks;
  sinks.push_back(std::make_unique<NotingSink>("a", notes));
  sinks.push_back(std::make_unique<NotingSink>("b", notes));
  const auto all = make_fan_out(std::move(sinks));
  Interval interval;
  interval.step = 1;
  all->interval(interval);
  all->more(1, {{"eval", 0.5}});
  all->image(2, "samples", core::Image{});
  all->evaluation(3, {{"ratio", 0.5}});
  all->close();
  EXPECT_THAT(notes, ElementsAre("a interval 1", "b interval 1", "a more eval 1", "b more eval 1",
                                 "a samples 2", "b samples 2", "a ratio 3", "b ratio 3",
                                 "a close 0", "b close 0"));
}

TEST(FanOut, ToNobodyIsFine) {
  const auto none = make_fan_out({});
  none->interval(Interval{});
  none->close();
}

}  // namespace
}  // namespace bbg::report
