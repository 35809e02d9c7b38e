#pragma once
// A communicator that passes everything on and sums up the time that all_gather, which norms use,
// takes of the caller's (on CPU: communication that nothing hides). Reductions of
// tensors that lie in a memory which is left out return at once: someone else has reduced it.

#include <chrono>
#include <vector>

#include "support/passing_communicator.h"

namespace bbg::bench {

class TimedCommunicator final : public testing::PassingCommunicator {
 public:
  using PassingCommunicator::PassingCommunicator;

  void leave_out(const at::Tensor& memory) { left_out_.push_back(memory); }

  double gathered_seconds() const { return gathered_seconds_; }

  void all_reduce(at::Tensor& tensor, comm::Reduce reduce) override {
    if (is_left_out(tensor)) return;
    PassingCommunicator::all_reduce(tensor, reduce);
  }
  // Who reduces what is left out takes means.
  bool is_sum_faster() const override {
    return left_out_.empty() && PassingCommunicator::is_sum_faster();
  }
  at::Tensor all_gather(const at::Tensor& tensor) override {
    const auto start = std::chrono::steady_clock::now();
    at::Tensor all = PassingCommunicator::all_gather(tensor);
    gathered_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return all;
  }

 private:
  bool is_left_out(const at::Tensor& tensor) const {
    const auto* data = static_cast<const char*>(tensor.const_data_ptr());
    for (const at::Tensor& memory : left_out_) {
      const auto* first = static_cast<const char*>(memory.const_data_ptr());
      if (data >= first && data < first + memory.nbytes()) return true;
    }
    return false;
  }

  std::vector<at::Tensor> left_out_;
  double gathered_seconds_ = 0;
};

}  // namespace bbg::bench
