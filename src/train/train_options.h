#pragma once
// Rates and schedule of training. Defaults: BigGAN's (Brock et al. 2019, section 3), E's rate being
// G's; docs/choices.md 48, 51.

#include <cstdint>
#include <string>

#include "core/options.h"
#include "model/model_options.h"

namespace bbg::train {

// The way in which rates fall: to zero, or to one hundredth.
enum class Decay { kLinear, kExponential };
// Arithmetic of the training: that of compute.dtype, or bfloat16.
enum class Precision { kFull, kBfloat16 };
enum class CudaGraphs { kAuto, kOn, kOff };
// The answer when a run goes wrong (train/divergence.h).
enum class Watch { kReport, kStop, kRollback, kOff };

// The ranks that share the statistics of norms.
struct NormGroup {
  enum class Who { kAll, kHost, kNeighbours };
  Who who = Who::kAll;
  int64_t size = 0;  // for neighbours: so many ranks that follow each other
};

struct TrainOptions {
  double lr_g = 5e-5, lr_d = 2e-4, lr_e = 5e-5;
  int64_t d_steps = 2;
  bool simultaneous = false;
  double beta1 = 0.0, beta2 = 0.999, adam_eps = 1e-8;
  double weight_decay = 0;
  int64_t decay_from = 0, decay_steps = 0;
  Decay decay = Decay::kLinear;
  double ema_decay = 0.9999;
  int64_t ema_start = 20000;
  bool ema_encoder = true;
  int64_t replica_check_every = 1000;
  double orthogonal = 0;  // beta of loss/orthogonal.h
  double clip_norm = 0;
  int64_t accumulate = 1;
  std::string norm_group = "all";  // or node, or a number of ranks
  Precision precision = Precision::kFull;
  CudaGraphs cuda_graphs = CudaGraphs::kAuto;
  int64_t warmup_steps = 0;
  std::string augment;  // words of train/diff_augment.h
  Watch watch = Watch::kReport;
  int64_t watch_window = 20;
  double watch_margin = 0.01, watch_growth = 4;
  int64_t rollbacks = 3;
  double rollback_factor = 0.5;

  void declare(core::OptionTable& table);
  // Throws UsageError where values do not fit together.
  void check() const;
  // UsageError where train.norm-group does not fit this number of ranks.
  void check_ranks(int size) const;
  // UsageError where train.norm-group names no group of ranks.
  NormGroup parsed_norm_group() const;
  // Updates of D alone in one step: none in a system without D.
  int64_t d_updates(const model::ModelOptions& model) const {
    return model.has_discriminator() ? d_steps : 0;
  }
  // Global batches, each with noise of its own, that one step takes. The loader's position and the
  // numbers of draws follow from it.
  int64_t draws_per_step(const model::ModelOptions& model) const {
    return simultaneous ? 1 : d_updates(model) + 1;
  }
  // The factor of all rates in the update that follows `step` finished ones.
  double rate_factor(int64_t step) const;

 private:
  double decay_factor(int64_t step) const;
};

}  // namespace bbg::train
