#include "eval/moments.h"

namespace bbg::eval {

std::vector<at::Tensor> row_blocks(const at::Tensor& features) {
  constexpr int64_t kRows = 4096;
  return features.size(0) == 0 ? std::vector<at::Tensor>{} : features.split(kRows);
}

Moments feature_moments(comm::Communicator& communicator, const at::Tensor& features,
                        int64_t count) {
  const at::TensorOptions wide = features.options().dtype(at::kDouble);
  at::Tensor mean = at::zeros({features.size(1)}, wide);
  for (const at::Tensor& block : row_blocks(features)) mean += block.to(at::kDouble).sum(0);
  communicator.all_reduce(mean, comm::Reduce::kSum);
  mean /= static_cast<double>(count);
  // Second pass: the sum of squares minus the square of sums would cancel.
  at::Tensor variance = at::zeros({features.size(1)}, wide);
  for (const at::Tensor& block : row_blocks(features)) {
    variance += (block.to(at::kDouble) - mean).square().sum(0);
  }
  communicator.all_reduce(variance, comm::Reduce::kSum);
  return {mean, variance / static_cast<double>(count)};
}

}  // namespace bbg::eval
