#pragma once
// Adam (Kingma & Ba 2015) over an arena: one fused call for all parameters. Same arithmetic as
// torch.optim.Adam.

#include <ATen/ATen.h>

#include "train/arena.h"

namespace bbg::train {

struct AdamOptions {
  double beta1 = 0.0, beta2 = 0.999, eps = 1e-8;
};

class Adam {
 public:
  Adam(Arena& arena, AdamOptions options);
  void step(double learning_rate);

  const at::Tensor& first_moment() const { return first_; }    // [n]
  const at::Tensor& second_moment() const { return second_; }  // [n]
  const at::Tensor& steps() const { return steps_; }  // scalar float32, the number of updates made

 private:
  Arena& arena_;
  AdamOptions options_;
  at::Tensor first_, second_, steps_;
};

}  // namespace bbg::train
