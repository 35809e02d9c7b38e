#pragma once
// Rates and schedule of training. Defaults: BigGAN's (Brock et al. 2019, section 3), E's rate being
// G's; docs/choices.md 48, 51.

#include "core/options.h"

namespace bbg::train {

struct TrainOptions {
  double lr_g = 5e-5, lr_d = 2e-4, lr_e = 5e-5;
  int64_t d_steps = 2;
  double beta1 = 0.0, beta2 = 0.999, adam_eps = 1e-8;
  int64_t decay_from = 0, decay_steps = 0;
  double ema_decay = 0.9999;
  int64_t ema_start = 20000;
  bool ema_encoder = true;
  double orthogonal = 0;  // beta of loss/orthogonal.h

  void declare(core::OptionTable& table);
  // What rates are multiplied with in the update that follows `step` finished ones.
  double rate_factor(int64_t step) const;
};

}  // namespace bbg::train
