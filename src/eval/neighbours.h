#pragma once
// Nearest-neighbour classification on frozen features: Euclidean distance on the features as they
// are; the nearest training samples vote. A collective: each rank brings its part of both splits,
// in the order of the data set; every rank returns the same number, on any number of ranks.

#include "eval/knn_search.h"

namespace bbg::eval {

// Accuracy in [0, 1]. Features [n_r, d], labels [n_r] int64, >= 0; n_r may differ between ranks and
// may be 0 on some. Equally near samples: the one of lowest index in the whole training split
// counts as nearer. Equal votes: the label of the nearest of their samples. UsageError, on all
// ranks alike: a split without samples, a sample without label. NaN if any feature is not finite (a
// diverged network). The rest is knn_search.h's.
double nearest_neighbour_accuracy(comm::Communicator& communicator,
                                  const at::Tensor& train_features, const at::Tensor& train_labels,
                                  const at::Tensor& test_features, const at::Tensor& test_labels,
                                  int64_t k = 1, const PassDone& pass_done = {});

}  // namespace bbg::eval
