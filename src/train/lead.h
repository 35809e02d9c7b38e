#pragma once
// How far the host may be ahead of a GPU. Images wait in page-locked memory until the GPU has
// copied them, so without a bound they would pile up between two reports.

#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <deque>

namespace bbg::train {

class Lead {
 public:
  // On a CPU, where the host is the device, it bounds nothing.
  Lead(at::Device device, int64_t steps);
  // After what a step enqueues on the current stream: waits until all but the last `steps` of them
  // are done.
  void end_step();

 private:
  at::Device device_;
  int64_t steps_;
  std::deque<c10::Event> ends_;
};

}  // namespace bbg::train
