#pragma once
// Bytes of tensors on the CPU that this thread has allocated and not yet freed, since the meter
// began.

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <memory>

namespace bbg::testing {

class MemoryMeter {
 public:
  MemoryMeter()
      : count_(std::make_shared<Count>()), guard_(c10::DebugInfoKind::PROFILER_STATE, count_) {}
  int64_t live() const { return count_->live; }
  int64_t peak() const { return count_->peak; }

 private:
  struct Count final : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override {
      live += size;  // negative when freed
      peak = std::max(peak, live);
    }
    bool memoryProfilingEnabled() const override { return true; }
    int64_t live = 0, peak = 0;
  };

  std::shared_ptr<Count> count_;  // the guard shares it
  c10::DebugInfoGuard guard_;
};

}  // namespace bbg::testing
