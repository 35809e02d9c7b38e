#include "report/sink.h"

namespace bbg::report {

namespace {

class FanOut final : public Sink {
 public:
  explicit FanOut(std::vector<std::unique_ptr<Sink>> sinks) : sinks_(std::move(sinks)) {}
  void changes(int64_t step, const std::vector<OptionChange>& changes) override {
    for (const auto& sink : sinks_) sink->changes(step, changes);
  }
  void interval(const Interval& interval) override {
    for (const auto& sink : sinks_) sink->interval(interval);
  }
  void more(int64_t step, const core::Values& values) override {
    for (const auto& sink : sinks_) sink->more(step, values);
  }
  void image(int64_t step, const std::string& name, const core::Image& image) override {
    for (const auto& sink : sinks_) sink->image(step, name, image);
  }
  void evaluation(int64_t step, const core::Values& values) override {
    for (const auto& sink : sinks_) sink->evaluation(step, values);
  }
  void close() override {
    for (const auto& sink : sinks_) sink->close();
  }

 private:
  std::vector<std::unique_ptr<Sink>> sinks_;
};

}  // namespace

std::unique_ptr<Sink> make_fan_out(std::vector<std::unique_ptr<Sink>> sinks) {
  return std::make_unique<FanOut>(std::move(sinks));
}

}  // namespace bbg::report
