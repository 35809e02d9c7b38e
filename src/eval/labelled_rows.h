#pragma once
// This rank's part of a labelled split.

#include <ATen/ATen.h>

namespace bbg::eval {

struct LabelledRows {
  at::Tensor features;  // [n_r, d]; n_r may be 0
  at::Tensor labels;    // [n_r] int64; -1: none
};

}  // namespace bbg::eval
