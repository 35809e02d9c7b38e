#pragma once
// A communicator that passes every call on to another, which outlives it. For those that look at
// some of the calls, or answer them otherwise.

#include <memory>
#include <string>

#include "comm/communicator.h"

namespace bbg::testing {

class PassingCommunicator : public comm::Communicator {
 public:
  explicit PassingCommunicator(comm::Communicator& inner)
      : PassingCommunicator(inner, inner.control()) {}
  // Tensors by way of `inner`, and all else by `control`.
  PassingCommunicator(comm::Communicator& inner, comm::Control& control)
      : Communicator(control), inner_(inner) {}

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
  bool is_sum_faster() const override { return inner_.is_sum_faster(); }
  at::Tensor shared_zeros(int64_t elements, const at::TensorOptions& options) override {
    return inner_.shared_zeros(elements, options);
  }
  std::unique_ptr<comm::Communicator> split(const comm::SplitOptions& options) override {
    return inner_.split(options);
  }
  void interrupt() override { inner_.interrupt(); }

 private:
  comm::Communicator& inner_;
};

}  // namespace bbg::testing
