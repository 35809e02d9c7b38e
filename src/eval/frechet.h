#pragma once
// Frechet distance between two sets of features, each taken for a normal distribution (Dowson &
// Landau 1982; on features of an Inception network it is FID, Heusel et al. 2017):
// |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

#include <ATen/ATen.h>

#include "comm/communicator.h"

namespace bbg::eval {

struct Gaussian {
  at::Tensor mean;        // [d] float64
  at::Tensor covariance;  // [d, d] float64, unbiased, as FID takes it
};

// features [n_r, d]; n_r may be 0 on some ranks, their sum is at least 2 (else UsageError on all
// ranks alike). Two passes in float64. A collective.
Gaussian fit_gaussian(comm::Communicator& communicator, const at::Tensor& features);

// Distances to one set, whose square root C1^(1/2) is taken once. By eigenvalues of
// C1^(1/2) C2 C1^(1/2), so that singular covariances (fewer samples than dimensions) need no care.
// O(d^3). Not below 0. NaN where a mean or covariance is not finite. Rank-local.
class FrechetDistance {
 public:
  explicit FrechetDistance(Gaussian from);
  double operator()(const Gaussian& to) const;
  const Gaussian& from() const { return from_; }

 private:
  Gaussian from_;
  at::Tensor root_;  // [d, d]; undefined where `from` is not finite
};

double frechet_distance(const Gaussian& a, const Gaussian& b);

}  // namespace bbg::eval
