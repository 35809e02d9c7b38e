#pragma once
// Collectives of c10d over MPI, for c10d::Reducer: libtorch's wheel has no MPI backend, so this is
// a blocking one for CPU tensors. One thread a process, as comm::MpiSession asks.

#include <mpi.h>

#include <chrono>
#include <torch/csrc/distributed/c10d/Backend.hpp>
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

}  // namespace bbg::testing
