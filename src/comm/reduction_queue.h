#pragma once
// Averages tensors over ranks, or adds shares of a mean, in the order in which they are given,
// while the caller goes on where the options say so: on the CPU by a thread with a communicator of
// its own, on a GPU on a stream with a communicator of its own, tied to the caller's by events.
// Else at once, by the caller.
//
// All ranks give tensors of the same shapes in the same order. One thread gives and waits. Which
// elements travel together decides the order of summation, and nothing else does: repeated runs
// give equal bits.

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "comm/communicator.h"
#include "comm/exchange_options.h"
#include "core/unwinding.h"

namespace bbg::comm {

class ReductionQueue {
 public:
  // Seconds since the start, on a CPU: how long reductions were under way, and how long the caller
  // waited for them. What is not waited for was hidden behind the caller's work.
  struct Times {
    double under_way = 0, waited = 0;
  };

  // A collective. `communicator` must outlive the queue. UsageError where options do not fit the
  // device or each other.
  ReductionQueue(Communicator& communicator, const ExchangeOptions& options, at::Device device);
  // Does not wait for other ranks while an exception is on its way: what is under way is given up.
  ~ReductionQueue();
  ReductionQueue(const ReductionQueue&) = delete;
  ReductionQueue& operator=(const ReductionQueue&) = delete;

  // False: a network's gradients are best given whole, after backward.
  bool takes_buckets() const { return takes_buckets_; }
  // A reduction leaves each rank its share of the rows alone (Communicator::reduce_scatter).
  bool scatters() const { return scatters_; }
  // Tensors are to be multiplied with this before, and then the mean over ranks is left: 1, or,
  // where a sum is reduced faster (Communicator::is_sum_faster), one over their number.
  double share() const { return sums() ? 1.0 / communicator_.size() : 1; }
  // Tensors have a multiple of so many elements: 1, or enough that each rank's share begins on
  // a 64-byte boundary in float32.
  int64_t unit() const { return scatters_ ? 16 * communicator_.size() : 1; }
  // Or ExchangeOptions::kMeasured, until what choose_bucket_bytes() finds is set.
  int64_t bucket_bytes() const { return bucket_bytes_; }
  int64_t first_bucket_bytes() const { return first_bucket_bytes_; }
  void set_bucket_bytes(int64_t bytes) { bucket_bytes_ = bytes; }

  // [elements] zeros where tensors are best kept (comm.nccl-window). A collective.
  at::Tensor zeros(int64_t elements, const at::TensorOptions& options);

  // `tensor`: [n], reduced in place, and left alone by the caller until wait(); n is a
  // multiple of unit(). Throws what an earlier reduction threw.
  void push(const at::Tensor& tensor);
  // Returns (CPU) or has enqueued on the current stream (CUDA) that all that was given is there.
  void wait();

  Times times() const;

 private:
  struct Worker;
  struct Stream;
  void reduce(Communicator& communicator, at::Tensor tensor) const;
  bool sums() const { return communicator_.size() > 1 && communicator_.is_sum_faster(); }

  Communicator& communicator_;
  int64_t bucket_bytes_, first_bucket_bytes_;
  bool takes_buckets_, halves_wire_, scatters_, has_window_;
  core::Unwinding unwinding_;
  double under_way_ = 0;  // reductions by the caller
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Stream> stream_;
};

// The bucket size at which starting a reduction costs a twentieth of its transfer, a power of two
// from 1 to 64 MiB, equal on all ranks: from reductions of few and of many bytes, timed here. A
// collective.
int64_t choose_bucket_bytes(Communicator& communicator, at::Device device);

}  // namespace bbg::comm
