#pragma once
// Convolutions and linear maps whose weight may be spectrally normalised. The power iteration is
// made once per network and sub-step by Network::begin_substep(), whatever the number of forwards
// (docs/choices.md 39). The effective weight is computed where a forward first uses it, so that
// backward comes to it, and the gradient leaves for other ranks, right after that layer; it is
// valid until the next begin_substep() or renew_weights().
//
// With Settings::in_bfloat16 a layer brings its input, effective weight and bias to bfloat16,
// and so its output; what follows keeps that type, and batch norm has float32 statistics. Weights
// themselves, their norms and gradients stay float32. Layers whose results are few and count
// (gains, scores, codes) are made with Precision::kFull.

#include "nn/context.h"
#include "ops/tensor_layout.h"

namespace bbg::nn {

// Slope of the leaky ReLU of BiGAN's E and D.
inline constexpr double kLeak = 0.2;

enum class Precision {
  kAsOptions,
  kFull,  // that of the parameters
};

// A weight, raw or under spectral norm; what layers use of it may be the kernel of a convolution in
// one with its resampling, made once a sub-step.
class Weight {
 public:
  Weight(Context& context, const Scope& scope, at::IntArrayRef shape, bool spectral,
         Start start = Start::kWeight, ops::Resample resample = ops::Resample::kNone,
         Precision precision = Precision::kAsOptions,
         at::MemoryFormat format = at::MemoryFormat::Contiguous);
  // Differentiable under the grad mode of the call. Valid until a call under another one. Of the
  // type in which the layer computes.
  const at::Tensor& effective() const;

 private:
  struct State;
  std::shared_ptr<State>
      state_;  // shared with the context's hooks, which outlive moves of the layer
};

class Linear {
 public:
  Linear(Context& context, const Scope& scope, int64_t in, int64_t out, bool bias, bool spectral,
         Start start = Start::kWeight, Precision precision = Precision::kAsOptions);
  at::Tensor operator()(const at::Tensor& x) const;  // [N, in] -> [N, out]

 private:
  Weight weight_;
  at::Tensor bias_;
};

struct ConvShape {
  int64_t in, out, kernel, stride = 1;
  bool bias = true;
  int64_t groups = 1;
  int64_t padding = -1;  // -1: (kernel - stride + 1) / 2, which gives size / stride
  ops::Resample resample = ops::Resample::kNone;
};

class Conv {
 public:
  Conv(Context& context, const Scope& scope, ConvShape shape, bool spectral);
  // [N, in, S, S] -> [N, out, S', S']
  at::Tensor operator()(const at::Tensor& x, const ops::Epilogue& epilogue = {}) const;

 private:
  ops::Ops* ops_;
  Weight weight_;
  at::Tensor bias_;
  int64_t stride_, padding_, groups_;
  ops::Resample resample_;
};

// Transposed convolution of stride 2, 4x4 or 5x5: doubles the size. Weight [in, out, kernel,
// kernel].
class UpConv {
 public:
  UpConv(Context& context, const Scope& scope, int64_t in, int64_t out, int64_t kernel, bool bias);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ops::Ops* ops_;
  Weight weight_;
  at::Tensor bias_;
  int64_t kernel_;
};

}  // namespace bbg::nn
