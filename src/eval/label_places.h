#pragma once
// The places of labels among the scores of their classes, and top-k accuracies by them. Rank-local,
// but shares().

#include <ATen/ATen.h>

#include <cstdint>

#include "comm/communicator.h"
#include "eval/knn.h"

namespace bbg::eval {

// [n] int64, from 0: of each label among its row of scores [n, classes]. Equal scores: the lowest
// label is first; `classes` where a row is not finite.
at::Tensor label_places(const at::Tensor& scores, const at::Tensor& labels);

// Test samples whose label is the first of its row, or among the first five.
struct Hits {
  int64_t top1 = 0, top5 = 0, count = 0;
  // scores [n, classes], labels [n] on the same device.
  void add(const at::Tensor& scores, const at::Tensor& labels);
  // The shares of all ranks' samples. A collective, on tensors of this device.
  TopAccuracy shares(comm::Communicator& communicator, at::Device device) const;
};

}  // namespace bbg::eval
