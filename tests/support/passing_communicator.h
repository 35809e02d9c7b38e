#pragma once
// A communicator that passes every call on to another, which outlives it. For those that look at
// some of the calls, or answer them otherwise.

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace bbg::testing {

class PassingCommunicator : public comm::Communicator {
 public:
  explicit PassingCommunicator(comm::Communicator& inner) : inner_(inner) {}

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  int local_rank() const override { return inner_.local_rank(); }
  int local_size() const override { return inner_.local_size(); }
  std::string name() const override { return inner_.name(); }

  void all_reduce(at::Tensor& tensor, comm::Reduce reduce) override {
    inner_.all_reduce(tensor, reduce);
  }
  void broadcast(at::Tensor& tensor, int root) override { inner_.broadcast(tensor, root); }
  at::Tensor all_gather(const at::Tensor& tensor) override { return inner_.all_gather(tensor); }
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
  bool is_sum_faster() const override { return inner_.is_sum_faster(); }
  comm::Watchdog* watchdog() override { return inner_.watchdog(); }
  void interrupt() override { inner_.interrupt(); }
  [[noreturn]] void abort(int exit_code) override {
    inner_.abort(exit_code);
    std::_Exit(exit_code);  // GCC does not see that a virtual function never returns
  }

 private:
  comm::Communicator& inner_;
};

}  // namespace bbg::testing
