#pragma once
// Which training samples a subset with few labels takes, as `1 % of labels`: the same number of
// each class, by a hash of seed and the sample's index, so that it depends on neither the number of
// ranks nor on which of them has a sample.

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "comm/communicator.h"

namespace bbg::eval {

// This rank's rows that are taken, ascending. labels [n_r] int64, >= 0, on a device that
// `communicator` serves, this rank's part of the training split in the order of the data set; share
// in (0, 1]. A class gives share * n / classes samples, n over all ranks and classes those that
// occur, rounded to the nearest, at least one, or all that it has where those are fewer. A larger
// share takes all that a smaller one takes. A collective.
std::vector<int64_t> label_subset(comm::Communicator& communicator, const at::Tensor& labels,
                                  double share, uint64_t seed);

}  // namespace bbg::eval
