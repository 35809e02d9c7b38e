#pragma once
// The timeline of a few steps: every operator, kernel, collective and part of a step, on every
// rank, as a Chrome trace (chrome://tracing, ui.perfetto.dev), by PyTorch's own profiler. Files
// trace-rank-<rank>.json in the run folder. One object per process, in the thread that trains;
// without steps to trace it does nothing.

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace bbg::app {

class StepTrace {
 public:
  // Traces `steps` steps, after kWarmUp steps of this process: the first ones allocate and choose
  // kernels.
  static constexpr int64_t kWarmUp = 3;
  StepTrace(int64_t steps, std::string path, at::Device device);
  ~StepTrace();  // ends a trace under way, without a file
  StepTrace(const StepTrace&) = delete;
  StepTrace& operator=(const StepTrace&) = delete;

  void begin_step();
  // True where the file was written just now. SystemError where it cannot be.
  bool end_step();
  const std::string& path() const { return path_; }

 private:
  int64_t steps_, done_ = 0;
  std::string path_;
  at::Device device_;
  bool is_recording_ = false;
};

}  // namespace bbg::app
