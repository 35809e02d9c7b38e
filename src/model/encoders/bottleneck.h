#pragma once
// Shared parts of the paper's encoder trunks: a trunk's size, and the bottleneck branch of a unit.

#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

struct BottleneckTrunkShape {
  int64_t channels = 3;  // the image's
  int64_t base = 64;     // 64 x width factor; every width is a multiple (docs/choices.md 32)
  std::vector<int64_t> units = {3, 4, 6, 3};  // one number a stage; {3, 4, 23, 3}: ResNet-101
  bool last_relu = false;  // between the last norm and the average (docs/choices.md 31)
};

// Image -> [N, out, S/4, S/4]: 7x7 convolution of stride 2 without norm or ReLU, then 3x3 max-pool
// of stride 2, padded with minus infinity (docs/choices.md 30). S is even twice.
class PooledRoot {
 public:
  PooledRoot(nn::Context& context, const nn::Scope& scope, int64_t channels, int64_t out);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  nn::Conv conv_;
};

// 1x1, 3x3, 1x1 convolution, each after BN and ReLU, none with a bias; the stride is on the 3x3
// (docs/choices.md 28, 29). In two parts, as a projection shortcut reads the activated tensor.
class Bottleneck {
 public:
  struct Shape {
    int64_t in, inner, out, stride = 1;
  };
  Bottleneck(nn::Context& context, const nn::Scope& scope, Shape shape);
  at::Tensor activate(const at::Tensor& x);        // ReLU(BN(x))
  at::Tensor branch(const at::Tensor& activated);  // [N, in, S, S] -> [N, out, S/stride, S/stride]

 private:
  nn::BatchNorm norm1_;
  nn::Conv conv1_;
  nn::BatchNorm norm2_;
  nn::Conv conv2_;
  nn::BatchNorm norm3_;
  nn::Conv conv3_;
};

// The end of a trunk: BN, ReLU if asked for, average over positions.
class PooledNorm {
 public:
  PooledNorm(nn::Context& context, const nn::Scope& scope, int64_t channels, bool relu);
  at::Tensor operator()(const at::Tensor& x);  // [N, C, S, S] -> [N, C]

 private:
  nn::BatchNorm norm_;
  bool relu_;
};

}  // namespace bbg::model
