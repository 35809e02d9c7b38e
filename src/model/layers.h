#pragma once
// Convolutions and linear maps whose weight may be spectrally normalised. The effective weight is
// computed once per network and sub-step by Network::begin_substep(), whatever the number of
// forwards (docs/choices.md 39), and is only valid until the next one.

#include "model/context.h"

namespace bbg::model {

// Slope of the leaky ReLU of BiGAN's E and D.
inline constexpr double kLeak = 0.2;

// A weight, raw or under spectral norm.
class Weight {
 public:
  Weight(Context& context, const Scope& scope, at::IntArrayRef shape, bool spectral,
         Start start = Start::kWeight);
  const at::Tensor& effective() const { return *effective_; }

 private:
  std::shared_ptr<at::Tensor>
      effective_;  // shared with the refresh hook, which outlives moves of the layer
};

class Linear {
 public:
  Linear(Context& context, const Scope& scope, int64_t in, int64_t out, bool bias, bool spectral,
         Start start = Start::kWeight);
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
};

class Conv {
 public:
  Conv(Context& context, const Scope& scope, ConvShape shape, bool spectral);
  at::Tensor operator()(const at::Tensor& x) const;  // [N, in, S, S] -> [N, out, S', S']

 private:
  Weight weight_;
  at::Tensor bias_;
  int64_t stride_, padding_, groups_;
};

// Transposed convolution of stride 2, 4x4 or 5x5: doubles the size. Weight [in, out, kernel,
// kernel].
class UpConv {
 public:
  UpConv(Context& context, const Scope& scope, int64_t in, int64_t out, int64_t kernel, bool bias);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Weight weight_;
  at::Tensor bias_;
  int64_t kernel_;
};

at::Tensor upsample_nearest(const at::Tensor& x);  // doubles the size
at::Tensor average_pool(const at::Tensor& x);      // halves the size

}  // namespace bbg::model
