#pragma once
// Batch norm of G's blocks (Brock et al. 2019, section 3): normalise over all ranks' samples, then
// a gain and a bias per sample and channel that follow from a condition.

#include <optional>

#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::nn {

// The condition of each sample, for the norms of a G.
struct Condition {
  at::Tensor vector;  // [N, features], or undefined
  at::Tensor labels;  // [N] int64, or undefined
};

// The form of a norm, one of three.
struct ConditionKind {
  int64_t features = 0;  // above 0: gain 1 + W_g c, bias W_b c, both maps linear, without bias,
                         // under spectral norm (docs/choices.md 5, 6)
  int64_t classes = 0;   // else above 0: gain 1 + table_g[y], bias table_b[y], not normalised
                         // else plain gain and bias
};

class ConditionalNorm {
 public:
  ConditionalNorm(Context& context, const Scope& scope, ConditionKind kind, int64_t channels);
  // [N, C, S, S] -> same; with a ReLU behind it where asked for
  at::Tensor operator()(const at::Tensor& x, const Condition& condition, bool relu = false);

 private:
  std::optional<Linear> gain_map_, bias_map_;
  at::Tensor gain_table_, bias_table_;  // [classes, C]
  std::optional<BatchNorm> plain_;
  std::optional<CrossReplicaNorm> norm_;
};

}  // namespace bbg::nn
