#include "nn/attention.h"

namespace bbg::nn {

namespace {

ConvShape one_by_one(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 1, .stride = 1, .bias = false};
}

// [N, C, H, W] -> [N, HW, C]: as channels-last tensors lie in memory.
at::Tensor by_positions(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).flatten(1, 2); }

}  // namespace

Attention::Attention(Context& context, const Scope& scope, int64_t channels)
    : theta_(context, scope / "theta", one_by_one(channels, std::max<int64_t>(1, channels / 8)),
             true),
      phi_(context, scope / "phi", one_by_one(channels, std::max<int64_t>(1, channels / 8)), true),
      g_(context, scope / "g", one_by_one(channels, channels / 2), true),
      o_(context, scope / "o", one_by_one(channels / 2, channels), true),
      gamma_(scope.parameter("gamma", {}, Start::kZero)) {}

at::Tensor Attention::operator()(const at::Tensor& x) const {
  const at::Tensor theta = by_positions(theta_(x));                 // [N, P, C/8]
  const at::Tensor phi = by_positions(at::max_pool2d(phi_(x), 2));  // [N, P/4, C/8]
  const at::Tensor g = by_positions(at::max_pool2d(g_(x), 2));      // [N, P/4, C/2]
  // Its sums are float32 in bfloat16 too.
  const at::Tensor beta = at::softmax(at::bmm(theta, phi.transpose(1, 2)), -1);  // [N, P, P/4]
  const at::Tensor o = at::bmm(beta, g).unflatten(1, {x.size(2), x.size(3)}).permute({0, 3, 1, 2});
  return at::addcmul(x, gamma_, o_(o));
}

}  // namespace bbg::nn
