#pragma once
// The training of the stages of a network that follow frozen ones, with labels (Noroozi & Favaro
// 2016, as Donahue et al. 2017, table 2, use it; docs/choices.md 73): SGD with momentum and weight
// decay whose rate falls in steps, and dropout. Rank-local.

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace bbg::eval {

struct TransferOptions {
  int64_t steps = 20'000;
  int64_t batch = 256;  // over all ranks; no more than there are samples
  double rate = 0.01;   // in the first steps
  double momentum = 0.9, weight_decay = 5e-4;
};

// The rate of a step, from 0: a tenth of the one before after each two ninths of the steps, as
// Caffe's AlexNet has it (100,000 of 450,000).
double transfer_rate(const TransferOptions& options, int64_t step);

// PyTorch's SGD on flat values and their gradients, both changed in place: g += decay w;
// v = momentum v + g; w -= rate v.
class MomentumSgd {
 public:
  struct Decayed {
    at::Tensor values, gradients;  // parts of those below
  };
  // Weight decay is for `decayed` alone.
  MomentumSgd(at::Tensor values, at::Tensor gradients, std::vector<Decayed> decayed,
              double momentum, double weight_decay);
  void step(double rate);

 private:
  at::Tensor values_, gradients_, velocity_;
  std::vector<Decayed> decayed_;
  double momentum_, weight_decay_;
};

// Factors of dropout, 0 or 2 with equal chance, [count, width] float32 on the CPU: of the rows
// `first` to first + count of a global batch, which are the same whoever asks for them. `draw`
// names the batch and the layer.
at::Tensor dropout(uint64_t seed, int64_t draw, int64_t first, int64_t count, int64_t width);

}  // namespace bbg::eval
