#include "train/host_lead.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace bbg::train {

HostLead::HostLead(at::Device device, int64_t steps, comm::Watchdog* watchdog)
    : device_(device), steps_(steps), watchdog_(watchdog) {}

void HostLead::end_step() {
  if (device_.is_cpu()) return;
  ends_.emplace_back(device_.type());
  ends_.back().record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  if (static_cast<int64_t>(ends_.size()) <= steps_) return;
  {
    const comm::Watchdog::Wait wait(watchdog_, "the GPU's end of a step");
    ends_.front().synchronize();
  }
  ends_.pop_front();
}

}  // namespace bbg::train
