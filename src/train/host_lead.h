#pragma once
// How far the host may be ahead of a GPU. Images wait in page-locked memory until the GPU has
// copied them, so without a bound they would pile up between two reports.

#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <deque>

#include "comm/watchdog.h"

namespace bbg::train {

class HostLead {
 public:
  // On a CPU, where the host is the device, it bounds nothing. `watchdog`, which may be null, ends
  // waits that are too long: a recorded step has no collective that it sees.
  HostLead(at::Device device, int64_t steps, comm::Watchdog* watchdog);
  // After what a step enqueues on the current stream: waits until all but the last `steps` of them
  // are done.
  void end_step();

 private:
  at::Device device_;
  int64_t steps_;
  comm::Watchdog* watchdog_;
  std::deque<c10::Event> ends_;
};

}  // namespace bbg::train
