#pragma once
// The nearest training samples of each test sample, found exactly. A collective: each rank brings
// its part of both splits, in the order of the data set. Training features pass from rank to rank
// in blocks, once: a rank holds its own part, and two blocks of up to 16 MiB.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <tuple>
#include <vector>

#include "comm/communicator.h"

namespace bbg::eval {

enum class Distance {
  kL1,
  kL2,
  kCosine,  // minus the product of the rows, each over its Euclidean length
};

struct Neighbour {
  double distance;  // L2: squared
  int64_t index;    // in the whole training split
  bool operator<(const Neighbour& other) const {
    return std::tie(distance, index) < std::tie(other.distance, other.index);
  }
};

// Called after each block, by all ranks equally often, with the number of blocks in all.
using PassDone = std::function<void(int64_t passes)>;

// The k nearest of each of this rank's test samples, in order; of equally near ones, the lowest
// index first. Features [n_r, d], finite, float32 or float64; n_r may be 0 on some ranks; the
// training split has at least k samples. Candidates found in float32 are compared in float64; where
// more than 64 + k of a block lie within float32 rounding of the nearest (collapsed features),
// those of lowest index are compared.
std::vector<std::vector<Neighbour>> nearest_neighbours(comm::Communicator& communicator,
                                                       const at::Tensor& train_features,
                                                       const at::Tensor& test_features, int64_t k,
                                                       Distance distance,
                                                       const PassDone& pass_done = {});

// The labels of all ranks, [n] int64 on the CPU, in rank order. A collective.
at::Tensor gather_labels(comm::Communicator& communicator, const at::Tensor& labels,
                         at::Device device);

}  // namespace bbg::eval
