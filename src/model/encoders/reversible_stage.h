#pragma once
// A chain of reversible units, (x1, x2) -> (x2, x1 + F(x2)) on the halves of the channels, F a
// bottleneck (Gomez et al. 2017; docs/choices.md 33). A training forward keeps the chain's output
// alone: backward recovers the input of each unit from its output, last unit first, and runs F once
// more. So the memory is that of one unit whatever their number, at the price of a second forward.
// Running statistics move in the first forward only. The collectives of F are made again in
// backward, in an order that the network alone fixes, so they match on all ranks. No second
// derivatives. The stage stays where it is and outlives the graphs of its forwards.

#include "model/encoders/bottleneck.h"

namespace bbg::model {

class ReversibleStage {
 public:
  // A stage of `channels`, a multiple of 8, on an input of `in`; the missing ones are zeros, half
  // of them in front and half behind. recompute = false keeps all activations as any network does.
  ReversibleStage(nn::Context& context, const nn::Scope& scope, int64_t in, int64_t channels,
                  int64_t num_units, bool recompute);
  ReversibleStage(const ReversibleStage&) = delete;
  ReversibleStage& operator=(const ReversibleStage&) = delete;

  // [N, in, S, S] -> [N, channels, S, S], in full precision: inputs are recovered by subtraction.
  at::Tensor operator()(const at::Tensor& x);
  // The x that gave y, in the mode in which it did, with the collectives of that forward.
  at::Tensor inverse(const at::Tensor& y);

 private:
  struct Unit {
    Bottleneck bottleneck;
    std::vector<at::Tensor> parameters;
    at::Tensor operator()(const at::Tensor& x2) {
      return ops::in_full(bottleneck.branch(bottleneck.activate(x2)));
    }
  };
  class Recomputed;

  at::Tensor forward(const at::Tensor& x);
  // The second half of the stage's input after it has been recovered from outputs: rounding has
  // left traces in the channels of zeros, of which BN and ReLU would make a gradient that is not
  // there.
  at::Tensor with_exact_zeros(const at::Tensor& x2) const;
  at::Tensor without_zeros(const at::Tensor& x) const;  // [N, channels, S, S] -> [N, in, S, S]

  nn::Context* context_;
  bool recompute_;
  int64_t in_, zeros_;  // zeros_: channels on each side
  std::vector<Unit> units_;
  std::vector<at::Tensor> parameters_;  // those of all units, in order of declaration
};

}  // namespace bbg::model
