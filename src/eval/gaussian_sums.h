#pragma once
// Mean and covariance of features that come batch by batch and are never kept: sums in float64,
// which the ranks add at the end. The reference statistics of a whole data set need d x d values,
// not images x d.

#include <ATen/ATen.h>

#include <cstdint>

#include "comm/communicator.h"
#include "eval/frechet.h"

namespace bbg::eval {

class GaussianSums {
 public:
  // Takes features [n, width] on the device of `options`.
  GaussianSums(int64_t width, const at::TensorOptions& options);

  void add(const at::Tensor& features);  // [n, width], any floating type
  // Over all ranks' features, of which there are at least two (else UsageError on all ranks alike).
  // Covariance with N - 1. A collective.
  Gaussian finish(comm::Communicator& communicator);

 private:
  at::Tensor shift_;        // this rank's first batch's mean: near it sums cancel least
  at::Tensor sum_, outer_;  // [d], [d, d], with the shift taken off
  int64_t count_ = 0;
};

}  // namespace bbg::eval
