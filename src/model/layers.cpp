#include "model/layers.h"

#include <ATen/core/grad_mode.h>

#include "model/spectral_norm.h"

namespace bbg::model {

Weight::Weight(Context& context, const Scope& scope, at::IntArrayRef shape, bool spectral,
               Start start)
    : effective_(std::make_shared<at::Tensor>()) {
  const at::Tensor raw = scope.parameter("weight", shape, start);
  *effective_ = raw;
  if (!spectral) return;
  const at::Tensor u = scope.buffer("u", {shape[0]}, 0, /*normal=*/true);
  context.refresh.push_back(
      [raw, u, eps = context.options.sn_eps, effective = effective_](bool move) {
        SpectralResult result = spectral_norm(raw, u, eps);
        *effective = result.weight;
        if (move) {
          const at::NoGradGuard no_grad;
          at::Tensor(u).copy_(result.u);
        }
      });
}

Linear::Linear(Context& context, const Scope& scope, int64_t in, int64_t out, bool bias,
               bool spectral, Start start)
    : weight_(context, scope, {out, in}, spectral, start) {
  if (bias) bias_ = scope.parameter("bias", {out}, Start::kZero);
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight_.effective(), bias_);
}

Conv::Conv(Context& context, const Scope& scope, ConvShape shape, bool spectral)
    : weight_(context, scope, {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel},
              spectral),
      stride_(shape.stride),
      padding_(shape.padding >= 0 ? shape.padding : (shape.kernel - shape.stride + 1) / 2),
      groups_(shape.groups) {
  if (shape.bias) bias_ = scope.parameter("bias", {shape.out}, Start::kZero);
}

at::Tensor Conv::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight_.effective(), bias_, stride_, padding_, 1, groups_);
}

UpConv::UpConv(Context& context, const Scope& scope, int64_t in, int64_t out, int64_t kernel,
               bool bias)
    : weight_(context, scope, {in, out, kernel, kernel}, false), kernel_(kernel) {
  if (bias) bias_ = scope.parameter("bias", {out}, Start::kZero);
}

at::Tensor UpConv::operator()(const at::Tensor& x) const {
  return at::conv_transpose2d(x, weight_.effective(), bias_, 2, (kernel_ - 1) / 2, kernel_ % 2);
}

at::Tensor upsample_nearest(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

at::Tensor average_pool(const at::Tensor& x) { return at::avg_pool2d(x, 2); }

}  // namespace bbg::model
