#pragma once
// Adam (Kingma & Ba 2015) over an arena, or over the parts of it that a rank owns: one fused call
// for all parameters. Same arithmetic as torch.optim.Adam.

#include <ATen/ATen.h>

#include "train/arena.h"

namespace bbg::train {

struct AdamOptions {
  double beta1 = 0.0, beta2 = 0.999, eps = 1e-8;
};

class Adam {
 public:
  Adam(Arena& arena, AdamOptions options) : Adam({arena.values()}, {arena.gradients()}, options) {}
  // Parts of an arena's values, changed in place, and of its gradients; each [n_i].
  Adam(std::vector<at::Tensor> values, std::vector<at::Tensor> gradients, AdamOptions options);
  // Sets the rate of the steps that follow. On a GPU it is a number there, so that a recorded step
  // reads it.
  void set_rate(double rate);
  void step();
  void step(double rate) {
    set_rate(rate);
    step();
  }

  // Moments of the parts, one after the other: [n], n the sum of n_i.
  const at::Tensor& first_moment() const { return first_; }
  const at::Tensor& second_moment() const { return second_; }
  // Views of a moment, part by part.
  std::vector<at::Tensor> parts(const at::Tensor& moment) const;
  const at::Tensor& steps() const { return steps_; }  // scalar float32, the number of updates made

 private:
  std::vector<at::Tensor> values_, gradients_;
  AdamOptions options_;
  double rate_ = 0;
  at::Tensor rate_on_device_;  // scalar float32; on a GPU only
  at::Tensor first_, second_, steps_;
};

}  // namespace bbg::train
