#pragma once
// The timeline of a few steps: every operator, kernel, collective and part of a step, on every
// rank, as a Chrome trace (chrome://tracing, ui.perfetto.dev), by PyTorch's own profiler. Files
// trace-rank-<rank>.json in the run folder, which is made on hosts that do not see rank 0's. One
// object per process, in the thread that trains; without steps to trace it does nothing.

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "core/log.h"

namespace bbg::run {

class StepTrace {
 public:
  // Traces `steps` steps, after kWarmUp steps of this process: the first ones allocate and choose
  // kernels.
  static constexpr int64_t kWarmUp = 3;
  // `log` must outlive this object.
  StepTrace(int64_t steps, std::string path, at::Device device, const core::Log& log);
  ~StepTrace();  // ends a trace under way, without a file
  StepTrace(const StepTrace&) = delete;
  StepTrace& operator=(const StepTrace&) = delete;

  void begin_step();
  // Says where the file is once it is written, and warns where it cannot be: a run does not end for
  // want of a timeline.
  void end_step();

 private:
  int64_t steps_, done_ = 0;
  std::string path_;
  at::Device device_;
  const core::Log& log_;
  bool is_recording_ = false;
};

}  // namespace bbg::run
