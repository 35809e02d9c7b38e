#include "nn/attention.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace bbg::nn {

namespace {

ConvShape one_by_one(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 1, .stride = 1, .bias = false};
}

// [N, C, H, W] -> [N, HW, C]: as channels-last tensors lie in memory.
at::Tensor by_positions(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).flatten(1, 2); }

// theta [N, P, c], phi [N, P/4, c], g [N, P/4, d] -> [N, P, d]. Sums are float32 in bfloat16 too.
at::Tensor attend(const at::Tensor& theta, const at::Tensor& phi, const at::Tensor& g) {
  const at::Tensor beta = at::softmax(at::bmm(theta, phi.transpose(1, 2)), -1);  // [N, P, P/4]
  return at::bmm(beta, g);
}

// Values of beta at once where nothing is kept for backward: 64 images of 64 x 64 positions have
// 2^28, a gigabyte.
constexpr int64_t kValuesAtOnce = int64_t{1} << 25;

// The same in parts of the batch.
at::Tensor attend_in_parts(const at::Tensor& theta, const at::Tensor& phi, const at::Tensor& g) {
  const int64_t count = theta.size(0), values = theta.size(1) * phi.size(1);
  const int64_t at_once = std::max<int64_t>(1, kValuesAtOnce / values);
  if (at::GradMode::is_enabled() || count <= at_once) return attend(theta, phi, g);
  at::Tensor all = at::empty({count, theta.size(1), g.size(2)}, g.options());
  for (int64_t first = 0; first < count; first += at_once) {
    const int64_t some = std::min(at_once, count - first);
    const auto part = [&](const at::Tensor& x) { return x.narrow(0, first, some); };
    part(all).copy_(attend(part(theta), part(phi), part(g)));
  }
  return all;
}

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
  const at::Tensor o =
      attend_in_parts(theta, phi, g).unflatten(1, {x.size(2), x.size(3)}).permute({0, 3, 1, 2});
  return at::addcmul(x, gamma_, o_(o));
}

}  // namespace bbg::nn
