#pragma once
// Where a run's progress goes: console, metrics.jsonl, TensorBoard. Rank 0 only, one thread.
// What a sink has been given is on its way to the file or terminal when the call returns.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/image.h"
#include "core/values.h"

namespace bbg::report {

// The state of a run after `step` of `total_steps` steps.
struct Interval {
  int64_t step = 0, total_steps = 0;
  int64_t images = 0;            // real images seen since step 0
  double seconds = 0;            // since this process began to train
  double images_per_second = 0;  // since the interval before
  double data_seconds = 0;       // waited for data since then, by the rank that waited longest
  core::Values values;           // losses and whatever else was measured
};

// An option of a run that goes on with another value than it had before.
struct OptionChange {
  std::string key, before, after;
};

class Sink {
 public:
  virtual ~Sink() = default;
  // The steps after `step` are made with these changes. Sinks that have no place for it pass it
  // over.
  virtual void changes(int64_t /*step*/, const std::vector<OptionChange>& /*changes*/) {}
  virtual void interval(const Interval& interval) = 0;
  // Values that were measured after the interval of this step had been told.
  virtual void more(int64_t step, const core::Values& values) = 0;
  virtual void image(int64_t step, const std::string& name, const core::Image& image) = 0;
  virtual void evaluation(int64_t step, const core::Values& values) = 0;
  virtual void close() = 0;  // nothing may follow
};

// Passes everything on to each sink, in order.
std::unique_ptr<Sink> make_fan_out(std::vector<std::unique_ptr<Sink>> sinks);

}  // namespace bbg::report
