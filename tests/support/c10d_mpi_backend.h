#pragma once
// PyTorch's gradient averaging, c10d::Reducer of the same libtorch, over MPI: an oracle for tests
// and what bbg_bench compares with. libtorch's wheel has no MPI backend, so this is a blocking one
// for CPU tensors, on a duplicate of MPI_COMM_WORLD. One thread a process, as comm::MpiSession
// asks.

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/logger.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <vector>

#include "core/error.h"

namespace bbg::testing {

// A collective that was over when it was started.
class FinishedWork final : public c10d::Work {
 public:
  explicit FinishedWork(const std::vector<at::Tensor>& tensors)
      : future_(c10::make_intrusive<c10::ivalue::Future>(
            c10::ListType::create(c10::TensorType::get()))) {
    future_->markCompleted(c10::IValue(tensors));
    finish();
  }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }

 private:
  c10::intrusive_ptr<c10::ivalue::Future> future_;
};

class MpiBackend final : public c10d::Backend {
 public:
  MpiBackend(MPI_Comm communicator, int rank, int size)
      : c10d::Backend(rank, size), communicator_(communicator) {}

  const std::string getBackendName() const override { return "mpi"; }

  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions& options) override {
    BBG_CHECK(options.reduceOp == c10d::ReduceOp::SUM, "the reducer adds");
    return timed(tensors, [&](at::Tensor& tensor) {
      return MPI_Allreduce(MPI_IN_PLACE, tensor.data_ptr(), static_cast<int>(tensor.numel()),
                           type_of(tensor), MPI_SUM, communicator_);
    });
  }

  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                           const c10d::BroadcastOptions& options) override {
    return timed(tensors, [&](at::Tensor& tensor) {
      return MPI_Bcast(tensor.data_ptr(), static_cast<int>(tensor.numel()), type_of(tensor),
                       static_cast<int>(options.rootRank), communicator_);
    });
  }

  double seconds() const { return seconds_; }  // spent in collectives so far

 private:
  static MPI_Datatype type_of(const at::Tensor& tensor) {
    switch (tensor.scalar_type()) {
      case at::kFloat:
        return MPI_FLOAT;
      case at::kDouble:
        return MPI_DOUBLE;
      case at::kInt:
        return MPI_INT32_T;
      default:
        break;
    }
    BBG_CHECK(false, std::string("the reducer sends no ") + at::toString(tensor.scalar_type()));
  }

  template <class Call>
  c10::intrusive_ptr<c10d::Work> timed(std::vector<at::Tensor>& tensors, Call call) {
    const auto start = std::chrono::steady_clock::now();
    for (at::Tensor& tensor : tensors) {
      BBG_CHECK(tensor.is_non_overlapping_and_dense(), "a collective needs a dense tensor");
      BBG_CHECK(call(tensor) == MPI_SUCCESS, "MPI failed");
    }
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return c10::make_intrusive<FinishedWork>(tensors);
  }

  MPI_Comm communicator_;
  double seconds_ = 0;
};

// The ranks of MPI_COMM_WORLD as c10d sees them.
class C10dRanks {
 public:
  C10dRanks() {
    BBG_CHECK(MPI_Comm_dup(MPI_COMM_WORLD, &communicator_) == MPI_SUCCESS, "MPI_Comm_dup failed");
    int rank = 0, size = 1;
    MPI_Comm_rank(communicator_, &rank);
    MPI_Comm_size(communicator_, &size);
    backend_ = c10::make_intrusive<MpiBackend>(communicator_, rank, size);
    group_ =
        c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::HashStore>(), rank, size);
    group_->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::CUSTOM, backend_);
    group_->setDefaultBackend(c10d::ProcessGroup::BackendType::CUSTOM);
  }
  ~C10dRanks() { MPI_Comm_free(&communicator_); }
  C10dRanks(const C10dRanks&) = delete;
  C10dRanks& operator=(const C10dRanks&) = delete;

  const c10::intrusive_ptr<c10d::ProcessGroup>& group() const { return group_; }
  double seconds() const { return backend_->seconds(); }

 private:
  MPI_Comm communicator_ = MPI_COMM_NULL;
  c10::intrusive_ptr<MpiBackend> backend_;
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
};

// What DistributedDataParallel does with the parameters of one network, with its defaults. The
// gradients that backward leaves in the parameters are the means over ranks.
class DdpReducer {
 public:
  DdpReducer(const C10dRanks& ranks, const std::vector<at::Tensor>& parameters,
             size_t first_bucket_bytes = c10d::kDefaultFirstBucketBytes,
             size_t bucket_bytes = c10d::kDefaultBucketBytesCap) {
    auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(
        parameters, {first_bucket_bytes, bucket_bytes}, std::vector<bool>(parameters.size())));
    std::reverse(buckets.begin(), buckets.end());
    reducer_ = std::make_unique<c10d::Reducer>(
        parameters, std::move(buckets), ranks.group(), std::vector<bool>(parameters.size()),
        static_cast<int64_t>(bucket_bytes), /*find_unused_parameters=*/false,
        /*gradient_as_bucket_view=*/false, std::unordered_map<size_t, std::string>(),
        static_cast<int64_t>(first_bucket_bytes), /*skip_all_reduce_unused_params=*/false,
        /*use_python_reducer=*/false, std::vector<int64_t>());
  }

  // Before every backward whose gradients are to be averaged.
  void prepare() {
    reducer_->rebuild_buckets();
    reducer_->prepare_for_backward({});
  }

 private:
  std::unique_ptr<c10d::Reducer> reducer_;
};

}  // namespace bbg::testing
