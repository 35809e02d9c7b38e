#pragma once
// Rates and schedule of training. Defaults: BigGAN's (Brock et al. 2019, section 3), E's rate being
// G's; docs/choices.md 48, 51.

#include <cstdint>
#include <string>

#include "core/options.h"
#include "model/model_options.h"

namespace bbg::train {

struct TrainOptions {
  double lr_g = 5e-5, lr_d = 2e-4, lr_e = 5e-5;
  int64_t d_steps = 2;
  bool simultaneous = false;
  double beta1 = 0.0, beta2 = 0.999, adam_eps = 1e-8;
  double weight_decay = 0;
  int64_t decay_from = 0, decay_steps = 0;
  std::string decay = "linear";
  double ema_decay = 0.9999;
  int64_t ema_start = 20000;
  bool ema_encoder = true;
  int64_t replica_check_every = 1000;
  double orthogonal = 0;  // beta of loss/orthogonal.h
  double clip_norm = 0;
  int64_t accumulate = 1;
  std::string norm_group = "all";
  std::string precision = "full";
  std::string cuda_graphs = "auto";
  int64_t warmup_steps = 0;
  std::string augment;  // words of train/diff_augment.h
  // train/divergence.h
  std::string watch = "report";
  int64_t watch_window = 20;
  double watch_margin = 0.01, watch_growth = 4;
  int64_t rollbacks = 3;
  double rollback_factor = 0.5;

  void declare(core::OptionTable& table);
  // Throws UsageError where values do not fit together.
  void check() const;
  // UsageError where train.norm-group does not fit this number of ranks.
  void check_ranks(int size) const;
  // Ranks that share the statistics of norms, where norm_group is a number; else 0.
  int64_t norm_group_size() const;
  // Of D alone in one step: none in a system without D.
  int64_t d_updates(const model::ModelOptions& model) const {
    return model.has_discriminator() ? d_steps : 0;
  }
  // Global batches, each with noise of its own, that one step takes. The loader's position and the
  // numbers of draws follow from it.
  int64_t draws_per_step(const model::ModelOptions& model) const {
    return simultaneous ? 1 : d_updates(model) + 1;
  }
  // What rates are multiplied with in the update that follows `step` finished ones.
  double rate_factor(int64_t step) const;

 private:
  double decay_factor(int64_t step) const;
};

}  // namespace bbg::train
