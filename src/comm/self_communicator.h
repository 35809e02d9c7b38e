#pragma once
// A communicator of one rank without MPI, for commands that work alone: every reduction is the
// identity, and nothing waits.

#include <cstdlib>

#include "comm/communicator.h"

namespace bbg::comm {

class SelfControl : public Control {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int local_rank() const override { return 0; }
  int local_size() const override { return 1; }
  void barrier() override {}
  std::vector<std::string> all_gather_text(const std::string& text) override { return {text}; }
  bool agree(bool ready) override { return ready; }
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }
};

class SelfCommunicator final : public Communicator {
 public:
  SelfCommunicator() : Communicator(std::make_unique<SelfControl>()) {}

  std::string name() const override { return "self"; }
  void all_reduce(at::Tensor&, Reduce) override {}
  void broadcast(at::Tensor&, int) override {}
  at::Tensor all_gather(const at::Tensor& tensor) override { return tensor.clone(); }
  void reduce_scatter(at::Tensor&, Reduce) override {}
  void gather_in_place(at::Tensor&) override {}
  std::unique_ptr<Communicator> split(const SplitOptions&) override {
    return std::make_unique<SelfCommunicator>();
  }
};

}  // namespace bbg::comm
