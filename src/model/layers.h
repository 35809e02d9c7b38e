#pragma once
// Convolutions and linear maps whose weight may be spectrally normalised. The effective weight is
// computed once per network and sub-step by Network::begin_substep(), whatever the number of
// forwards (docs/choices.md 39), and is only valid until the next one.

#include "model/context.h"

namespace bbg::model {

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
};

class Conv {
 public:
  // Padding (kernel - stride + 1) / 2: size / stride out.
  Conv(Context& context, const Scope& scope, ConvShape shape, bool spectral);
  at::Tensor operator()(
      const at::Tensor& x) const;  // [N, in, S, S] -> [N, out, S/stride, S/stride]

 private:
  Weight weight_;
  at::Tensor bias_;
  int64_t stride_, padding_;
};

// 4x4 transposed convolution of stride 2: doubles the size. Weight [in, out, 4, 4].
class UpConv {
 public:
  UpConv(Context& context, const Scope& scope, int64_t in, int64_t out, bool bias);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Weight weight_;
  at::Tensor bias_;
};

at::Tensor upsample_nearest(const at::Tensor& x);  // doubles the size
at::Tensor average_pool(const at::Tensor& x);      // halves the size

}  // namespace bbg::model
