#pragma once
// The data plane: moves tensors between ranks, by the rules of communicator.h.

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace bbg::comm {

enum class Reduce { kSum, kMean, kMax };

class Collectives {
 public:
  virtual ~Collectives() = default;

  virtual std::string name() const = 0;  // "mpi" or "nccl"

  virtual void all_reduce(at::Tensor& tensor, Reduce reduce) = 0;
  virtual void broadcast(at::Tensor& tensor, int root) = 0;
  // [n, ...] of each rank -> [size * n, ...] in rank order, on every rank.
  virtual at::Tensor all_gather(const at::Tensor& tensor) = 0;
  // In place, of [size * n, ...]: rows [rank * n, (rank + 1) * n) hold what is reduced over ranks
  // afterwards; the others are undefined. Contiguous tensors only.
  virtual void reduce_scatter(at::Tensor& tensor, Reduce reduce) = 0;
  // Its inverse, in place: rows [r * n, (r + 1) * n) come from rank r. Contiguous tensors only.
  virtual void gather_in_place(at::Tensor& tensor) = 0;

  // Whether kSum is reduced faster than kMean: NCCL's ways through NVLink's switches and through
  // registered windows add and cannot divide.
  virtual bool is_sum_faster() const { return false; }

  // [elements] zeros of `options`, in memory that all ranks know each other's part of where the
  // library has such (NCCL: a symmetric window), so that reductions of it, or of parts of it, need
  // no copies. A collective. May outlive this object.
  virtual at::Tensor shared_zeros(int64_t elements, const at::TensorOptions& options) {
    return at::zeros({elements}, options);
  }
};

// The rows of `tensor` that are a rank's after reduce_scatter(), as a view. InternalError where
// they cannot be shared out over `size` ranks.
at::Tensor own_rows(const at::Tensor& tensor, int rank, int size);

}  // namespace bbg::comm
