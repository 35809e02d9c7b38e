#pragma once
// PyTorch's gradient averaging, c10d::Reducer of the same libtorch: an oracle for tests and what
// bbg_bench compares with. Over MPI on CPU tensors, over PyTorch's own NCCL process group on a GPU.

#include <mpi.h>

#include <memory>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/logger.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <vector>

namespace bbg::testing {

class MpiBackend;

// The ranks of MPI_COMM_WORLD as c10d sees them, each with tensors on its `device`. Collective.
class C10dRanks {
 public:
  explicit C10dRanks(at::Device device);
  ~C10dRanks();
  C10dRanks(const C10dRanks&) = delete;
  C10dRanks& operator=(const C10dRanks&) = delete;

  const c10::intrusive_ptr<c10d::ProcessGroup>& group() const { return group_; }
  double seconds() const;  // spent in collectives so far; a GPU's go on by themselves: 0

 private:
  MPI_Comm communicator_ = MPI_COMM_NULL;
  c10::intrusive_ptr<MpiBackend> mpi_;  // on CPUs
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
};

// Treats the parameters of one network as DistributedDataParallel does, with its defaults. The
// gradients that backward leaves in the parameters are the means over ranks.
class DdpReducer {
 public:
  DdpReducer(const C10dRanks& ranks, const std::vector<at::Tensor>& parameters,
             size_t first_bucket_bytes = c10d::kDefaultFirstBucketBytes,
             size_t bucket_bytes = c10d::kDefaultBucketBytesCap);

  // Before every backward whose gradients are to be averaged.
  void prepare();

 private:
  std::unique_ptr<c10d::Reducer> reducer_;
};

}  // namespace bbg::testing
