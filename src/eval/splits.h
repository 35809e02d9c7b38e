#pragma once
// The two labelled splits that a classifier on frozen features learns from and is measured on.

#include <ATen/ATen.h>

#include <cstdint>

#include "comm/communicator.h"

namespace bbg::eval {

struct SplitFacts {
  int64_t num_classes = 0;                  // largest label + 1
  int64_t train_count = 0, test_count = 0;  // over all ranks
  bool is_finite = true;                    // all features of both splits
};

// A collective. UsageError, on all ranks alike: a split without samples, a sample without label.
SplitFacts examine_splits(comm::Communicator& communicator, const at::Tensor& train_features,
                          const at::Tensor& train_labels, const at::Tensor& test_features,
                          const at::Tensor& test_labels);

}  // namespace bbg::eval
