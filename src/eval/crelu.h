#pragma once
// The BN+CReLU feature of Donahue & Simonyan 2019 (section 3): a = batch norm without parameters,
// the feature is [ReLU(a), ReLU(-a)]. Mean and variance are those of all training features, taken
// once: with batch statistics a feature would depend on its neighbours (docs/choices.md 55).

#include <ATen/ATen.h>

#include "comm/communicator.h"

namespace bbg::eval {

class BnCrelu {
 public:
  // train_features [n_r, d], n_r may be 0 on some ranks. A collective; UsageError on all ranks
  // alike where no rank has a sample.
  BnCrelu(comm::Communicator& communicator, const at::Tensor& train_features);
  at::Tensor operator()(const at::Tensor& features) const;  // [n, d] -> [n, 2 d]

 private:
  at::Tensor mean_, scale_;  // [d], of the features' type
};

}  // namespace bbg::eval
