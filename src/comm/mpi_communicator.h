#pragma once
// Communicator over MPI for tensors in host memory. Where it is_beside, its waits leave the core to
// who computes and can be interrupted.

#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/mpi_control.h"
#include "comm/watchdog.h"

namespace bbg::comm {

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(std::unique_ptr<MpiControl> control, bool is_beside);

  std::string name() const override { return "mpi"; }
  void all_reduce(at::Tensor& tensor, Reduce reduce) override;
  void broadcast(at::Tensor& tensor, int root) override;
  at::Tensor all_gather(const at::Tensor& tensor) override;
  void reduce_scatter(at::Tensor& tensor, Reduce reduce) override;
  void gather_in_place(at::Tensor& tensor) override;
  std::unique_ptr<Communicator> split(const SplitOptions& options) override;
  void interrupt() override;

 private:
  Watchdog::Guard enter(Operation operation, const at::Tensor& tensor);

  MpiControl& control_;
  const bool is_beside_;
  std::vector<char> room_;  // for MpiRing
};

}  // namespace bbg::comm
