#pragma once
// Mean and variance of each feature over the samples of all ranks.

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "comm/communicator.h"

namespace bbg::eval {

struct Moments {
  at::Tensor mean, variance;  // [d] float64; biased variance
};

// features [n_r, d]; n_r may be 0 on some ranks, count > 0 is its sum. Two passes in float64. A
// collective.
Moments feature_moments(comm::Communicator& communicator, const at::Tensor& features,
                        int64_t count);

// [n, d] in blocks of rows, so that float64 copies of a block stay small; none where n is 0.
std::vector<at::Tensor> row_blocks(const at::Tensor& features);

}  // namespace bbg::eval
