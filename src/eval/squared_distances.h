#pragma once
// Euclidean distances between rows by one product of matrices. Rank-local.

#include <ATen/ATen.h>

namespace bbg::eval {

// x [n, d], y [m, d], float64 -> [n, m], squared, not below 0: |x|^2 + |y|^2 - 2 x.y, whose
// cancellation float64 bears.
at::Tensor squared_distances(const at::Tensor& x, const at::Tensor& y);

}  // namespace bbg::eval
