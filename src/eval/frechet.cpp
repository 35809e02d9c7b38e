#include "eval/frechet.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "eval/moments.h"

namespace bbg::eval {

namespace {

bool is_finite(const Gaussian& gaussian) {
  return at::isfinite(gaussian.mean).all().item<bool>() &&
         at::isfinite(gaussian.covariance).all().item<bool>();
}

}  // namespace

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

FrechetDistance::FrechetDistance(Gaussian from) : from_(std::move(from)) {
  if (!is_finite(from_)) return;
  const auto [values, vectors] = at::linalg_eigh(from_.covariance);
  root_ = at::matmul(vectors * values.clamp_min(0).sqrt(), vectors.t());
}

double FrechetDistance::operator()(const Gaussian& to) const {
  if (!root_.defined() || !is_finite(to)) return std::numeric_limits<double>::quiet_NaN();
  const at::Tensor product = at::linalg_eigvalsh(root_.matmul(to.covariance).matmul(root_));
  const at::Tensor distance = (from_.mean - to.mean).square().sum() + from_.covariance.trace() +
                              to.covariance.trace() - 2 * product.clamp_min(0).sqrt().sum();
  return std::max(0.0, distance.item<double>());
}

double frechet_distance(const Gaussian& a, const Gaussian& b) { return FrechetDistance(a)(b); }

}  // namespace bbg::eval
