#include "eval/frechet.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "eval/moments.h"

namespace bbg::eval {

Gaussian fit_gaussian(comm::Communicator& communicator, const at::Tensor& features) {
  at::Tensor total = at::full({1}, features.size(0), features.options().dtype(at::kLong));
  communicator.all_reduce(total, comm::Reduce::kSum);
  const auto count = total.item<int64_t>();
  if (count < 2) {
    throw core::UsageError(
        "a covariance needs at least two images, there are " + std::to_string(count),
        "give more images to evaluate on");
  }
  const at::Tensor mean = feature_moments(communicator, features, count).mean;
  at::Tensor covariance = at::zeros({features.size(1), features.size(1)}, mean.options());
  for (const at::Tensor& block : row_blocks(features)) {
    const at::Tensor centred = block.to(at::kDouble) - mean;
    covariance.addmm_(centred.t(), centred);
  }
  communicator.all_reduce(covariance, comm::Reduce::kSum);
  return {mean, covariance / static_cast<double>(count - 1)};
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
  const auto is_finite = [](const Gaussian& gaussian) {
    return at::isfinite(gaussian.mean).all().item<bool>() &&
           at::isfinite(gaussian.covariance).all().item<bool>();
  };
  if (!is_finite(a) || !is_finite(b)) return std::numeric_limits<double>::quiet_NaN();
  const auto [values, vectors] = at::linalg_eigh(a.covariance);
  const at::Tensor root = at::matmul(vectors * values.clamp_min(0).sqrt(), vectors.t());
  const at::Tensor product = at::linalg_eigvalsh(root.matmul(b.covariance).matmul(root));
  const at::Tensor distance = (a.mean - b.mean).square().sum() + a.covariance.trace() +
                              b.covariance.trace() - 2 * product.clamp_min(0).sqrt().sum();
  return std::max(0.0, distance.item<double>());
}

}  // namespace bbg::eval
