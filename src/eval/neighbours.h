#pragma once
// Nearest-neighbour classification on frozen features: Euclidean distance on the features as they
// are; the nearest training samples vote. A collective: each rank brings its part of both splits,
// in the order of the data set; every rank returns the same number, on any number of ranks.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

#include "comm/communicator.h"

namespace bbg::eval {

// Called after each block, by all ranks equally often, with the number of blocks in all.
using PassDone = std::function<void(int64_t passes)>;

// Accuracy in [0, 1]. Features [n_r, d], labels [n_r] int64, >= 0; n_r may differ between ranks and
// may be 0 on some. Equally near samples: the one of lowest index in the whole training split
// counts as nearer. Equal votes: the label of the nearest of their samples. Candidates found in
// float32 are compared in float64; where more than 64 + k lie within float32 rounding of the
// nearest (collapsed features), those of lowest index are compared. UsageError, on all ranks alike:
// a split without samples, a sample without label. NaN if any feature is not finite (a diverged
// network). Training features pass from rank to rank in blocks: a rank holds its own part, and two
// blocks of 16 MiB.
double nearest_neighbour_accuracy(comm::Communicator& communicator,
                                  const at::Tensor& train_features, const at::Tensor& train_labels,
                                  const at::Tensor& test_features, const at::Tensor& test_labels,
                                  int64_t k = 1, const PassDone& pass_done = {});

}  // namespace bbg::eval
