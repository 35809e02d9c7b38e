#pragma once
// Batch normalisation whose moments are taken over all ranks' samples (cross-replica BN of BigGAN):
// N ranks x b samples give what 1 rank x N*b gives. Moments are merged as (count, mean, M2) per
// rank in rank order (docs/choices.md 42), one collective a layer forward and one backward;
// unequal shares of a batch are right too. Biased variance normalises, the unbiased one enters the
// running statistics (docs/choices.md 41). Forward and backward are collectives in training and
// standing mode.

#include "nn/context.h"

namespace bbg::nn {

// The work that follows the normalisation, in the same pass over the data.
struct NormEpilogue {
  at::Tensor gain = {}, bias = {};  // [C] or [N, C]; undefined: 1 and 0
  bool relu = false;
};

// x [N, C, ...] -> (x - mean) / sqrt(var + eps) over all ranks' samples, then gain, bias and ReLU;
// mean and var (biased) [C] come back detached.
struct Normalised {
  at::Tensor output, mean, variance;
  at::Tensor count;  // samples x positions over all ranks: a scalar of their type
};
// `running` moves by its momentum to what is normalised.
Normalised cross_replica_normalise(const at::Tensor& x, double eps,
                                   comm::Communicator& communicator, ops::Ops& ops,
                                   const NormEpilogue& epilogue = {},
                                   const ops::RunningStatistics& running = {});

class CrossReplicaNorm {
 public:
  CrossReplicaNorm(Context& context, const Scope& scope, int64_t channels);

  at::Tensor operator()(const at::Tensor& x, const NormEpilogue& epilogue = {});

 private:
  struct State;
  Context* context_;
  std::shared_ptr<State> state_;
};

// The norm with a learned gain (start 1) and bias (start 0) per channel.
class BatchNorm {
 public:
  BatchNorm(Context& context, const Scope& scope, int64_t channels);
  at::Tensor operator()(const at::Tensor& x, bool relu = false);

 private:
  CrossReplicaNorm norm_;
  at::Tensor weight_, bias_;
};

}  // namespace bbg::nn
