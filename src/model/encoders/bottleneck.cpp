#include "model/encoders/bottleneck.h"

namespace bbg::model {

PooledRoot::PooledRoot(nn::Context& context, const nn::Scope& scope, int64_t channels, int64_t out)
    : conv_(context, scope, {.in = channels, .out = out, .kernel = 7, .stride = 2, .bias = false},
            false) {}

at::Tensor PooledRoot::operator()(const at::Tensor& x) const {
  return at::max_pool2d(conv_(ops::channels_last(x)), 3, 2, 1);
}

Bottleneck::Bottleneck(nn::Context& context, const nn::Scope& scope, Shape shape)
    : norm1_(context, scope / "norm1", shape.in),
      conv1_(context, scope / "conv1",
             {.in = shape.in, .out = shape.inner, .kernel = 1, .bias = false}, false),
      norm2_(context, scope / "norm2", shape.inner),
      conv2_(context, scope / "conv2",
             {.in = shape.inner,
              .out = shape.inner,
              .kernel = 3,
              .stride = shape.stride,
              .bias = false},
             false),
      norm3_(context, scope / "norm3", shape.inner),
      conv3_(context, scope / "conv3",
             {.in = shape.inner, .out = shape.out, .kernel = 1, .bias = false}, false) {}

at::Tensor Bottleneck::activate(const at::Tensor& x) { return norm1_(x, true); }

at::Tensor Bottleneck::branch(const at::Tensor& activated) {
  const at::Tensor h = conv2_(norm2_(conv1_(activated), true));
  return conv3_(norm3_(h, true));
}

PooledNorm::PooledNorm(nn::Context& context, const nn::Scope& scope, int64_t channels, bool relu)
    : norm_(context, scope, channels), relu_(relu) {}

at::Tensor PooledNorm::operator()(const at::Tensor& x) {
  return ops::in_full(norm_(x, relu_)).mean({2, 3});
}

}  // namespace bbg::model
