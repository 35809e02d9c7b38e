#include "eval/gaussian_sums.h"

#include <algorithm>

#include "core/error.h"
#include "eval/moments.h"

namespace bbg::eval {

GaussianSums::GaussianSums(int64_t width, const at::TensorOptions& options)
    : sum_(at::zeros({width}, options.dtype(at::kDouble))),
      outer_(at::zeros({width, width}, options.dtype(at::kDouble))) {}

void GaussianSums::add(const at::Tensor& features) {
  for (const at::Tensor& rows : row_blocks(features)) {
    const at::Tensor wide = rows.to(at::kDouble);
    if (!shift_.defined()) shift_ = wide.mean(0);
    const at::Tensor beyond = wide - shift_;
    sum_ += beyond.sum(0);
    outer_.addmm_(beyond.t(), beyond);
    count_ += rows.size(0);
  }
}

Gaussian GaussianSums::finish(comm::Communicator& communicator) {
  const auto own = static_cast<double>(std::max<int64_t>(count_, 1));
  if (!shift_.defined()) shift_ = at::zeros_like(sum_);
  const at::Tensor own_mean = shift_ + sum_ / own;
  // Count and sum over all ranks in one.
  at::Tensor totals = at::cat({own_mean * static_cast<double>(count_),
                               at::full({1}, static_cast<double>(count_), sum_.options())});
  communicator.all_reduce(totals, comm::Reduce::kSum);
  const auto total = totals[-1].item<double>();
  if (total < 2) {
    throw core::UsageError(
        "a covariance needs at least two images, there are " + std::to_string(int64_t(total)),
        "give more images to evaluate on");
  }
  const at::Tensor mean = totals.narrow(0, 0, sum_.size(0)) / total;
  // Around the own mean, then around that of all (Chan, Golub & LeVeque 1979).
  const at::Tensor off = own_mean - mean;
  at::Tensor outer =
      outer_ - at::outer(sum_, sum_) / own + at::outer(off, off) * static_cast<double>(count_);
  communicator.all_reduce(outer, comm::Reduce::kSum);
  return {mean, outer / (total - 1)};
}

}  // namespace bbg::eval
