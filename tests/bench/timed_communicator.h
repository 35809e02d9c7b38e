#pragma once
// A communicator that passes everything on and sums up the time that all_gather, which norms use,
// takes of the caller's (on CPU: communication that nothing hides). Reductions of
// tensors that lie in a memory which is left out return at once: someone else has reduced it.

#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include "comm/communicator.h"

namespace bbg::bench {

class TimedCommunicator final : public comm::Communicator {
 public:
  explicit TimedCommunicator(comm::Communicator& inner) : inner_(inner) {}

  void leave_out(const at::Tensor& memory) { left_out_.push_back(memory); }

  double gathered_seconds() const { return gathered_seconds_; }

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  int local_rank() const override { return inner_.local_rank(); }
  int local_size() const override { return inner_.local_size(); }
  std::string name() const override { return inner_.name(); }

  void all_reduce(at::Tensor& tensor, comm::Reduce reduce) override {
    if (is_left_out(tensor)) return;
    inner_.all_reduce(tensor, reduce);
  }
  void broadcast(at::Tensor& tensor, int root) override { inner_.broadcast(tensor, root); }
  at::Tensor all_gather(const at::Tensor& tensor) override {
    const auto start = std::chrono::steady_clock::now();
    at::Tensor all = inner_.all_gather(tensor);
    gathered_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return all;
  }
  void reduce_scatter(at::Tensor& tensor, comm::Reduce reduce) override {
    inner_.reduce_scatter(tensor, reduce);
  }
  void gather_in_place(at::Tensor& tensor) override { inner_.gather_in_place(tensor); }
  void barrier() override { inner_.barrier(); }
  std::vector<std::string> all_gather_text(const std::string& text) override {
    return inner_.all_gather_text(text);
  }
  bool agree(bool ready) override { return inner_.agree(ready); }
  std::unique_ptr<comm::Communicator> split(const comm::SplitOptions& options) override {
    return inner_.split(options);
  }
  at::Tensor shared_zeros(int64_t elements, const at::TensorOptions& options) override {
    return inner_.shared_zeros(elements, options);
  }
  comm::Watchdog* watchdog() override { return inner_.watchdog(); }
  void interrupt() override { inner_.interrupt(); }
  [[noreturn]] void abort(int exit_code) override {
    inner_.abort(exit_code);
    std::_Exit(exit_code);  // GCC does not see that a virtual function never returns
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

  comm::Communicator& inner_;
  std::vector<at::Tensor> left_out_;
  double gathered_seconds_ = 0;
};

}  // namespace bbg::bench
