#pragma once
// The places of labels among the scores of their classes, for top-k accuracies. Rank-local.

#include <ATen/ATen.h>

namespace bbg::eval {

// [n] int64, from 0: of each label among its row of scores [n, classes]. Equal scores: the lowest
// label is first; `classes` where a row is not finite.
at::Tensor label_places(const at::Tensor& scores, const at::Tensor& labels);

}  // namespace bbg::eval
