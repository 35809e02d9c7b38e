#include "run/step_trace.h"

#include <ATen/DeviceAccelerator.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "core/paths.h"

namespace bbg::run {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;

namespace {

// Kernels of earlier steps do not belong to the trace, those of the last one do.
void wait_for(at::Device device) {
  if (device.is_cuda()) at::accelerator::synchronizeDevice(device.index());
}

}  // namespace

StepTrace::StepTrace(int64_t steps, std::string path, at::Device device, const core::Log& log)
    : steps_(steps), path_(std::move(path)), device_(device), log_(log) {
  // Where there is no GPU the profiler would report on standard error that it has found none.
  if (steps_ > 0 && !device_.is_cuda()) setenv("KINETO_LOG_LEVEL", "99", /*overwrite=*/0);
}

StepTrace::~StepTrace() {
  if (is_recording_) profiler::disableProfiler();
}

void StepTrace::begin_step() {
  if (steps_ == 0 || done_ != kWarmUp) return;
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
  std::set<ActivityType> activities{ActivityType::CPU};
  if (device_.is_cuda()) activities.insert(ActivityType::CUDA);
  wait_for(device_);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  is_recording_ = true;
}

void StepTrace::end_step() {
  ++done_;
  if (!is_recording_ || done_ < kWarmUp + steps_) return;
  is_recording_ = false;
  wait_for(device_);
  const auto result = profiler::disableProfiler();
  std::error_code ignored;
  std::filesystem::create_directories(core::folder_of(path_), ignored);
  std::filesystem::remove(path_, ignored);
  result->save(path_);
  if (std::filesystem::exists(path_, ignored)) {
    log_.info("timeline: " + path_);
  } else {
    log_.warn("the timeline " + path_ + " cannot be written; the run goes on without");
  }
}

}  // namespace bbg::run
