#include "model/attention.h"

namespace bbg::model {

namespace {

ConvShape one_by_one(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 1, .stride = 1, .bias = false};
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
  const int64_t n = x.size(0);
  const at::Tensor theta = theta_(x).flatten(2);                 // [N, C/8, P]
  const at::Tensor phi = at::max_pool2d(phi_(x), 2).flatten(2);  // [N, C/8, P/4]
  const at::Tensor g = at::max_pool2d(g_(x), 2).flatten(2);      // [N, C/2, P/4]
  const at::Tensor alike = in_full(at::bmm(theta.transpose(1, 2), phi));
  const at::Tensor beta = at::softmax(alike, -1).to(g.scalar_type());  // [N, P, P/4]
  const at::Tensor o = at::bmm(g, beta.transpose(1, 2)).view({n, -1, x.size(2), x.size(3)});
  return at::addcmul(x, gamma_, o_(o));
}

}  // namespace bbg::model
