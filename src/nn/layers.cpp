#include "nn/layers.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace bbg::nn {

namespace {

// In the type of the weight; undefined stays so.
at::Tensor cast_to(const at::Tensor& x, const at::Tensor& weight) {
  return x.defined() ? x.to(weight.scalar_type()) : x;
}

}  // namespace

struct Weight::State {
  ops::Ops* ops;
  at::Tensor raw;
  std::shared_ptr<ops::SpectralWeight> spectral;  // null without spectral norm
  ops::Resample resample;
  bool in_bfloat16;
  at::Tensor effective;  // undefined until it is used

  bool is_raw() const { return !spectral && resample == ops::Resample::kNone && !in_bfloat16; }

  at::Tensor make() const {
    return ops->effective_weight(raw, spectral ? spectral->iteration : ops::PowerIteration(),
                                 resample, in_bfloat16 ? at::kBFloat16 : raw.scalar_type());
  }
};

Weight::Weight(Context& context, const Scope& scope, at::IntArrayRef shape, bool spectral,
               Start start, ops::Resample resample, Precision precision, at::MemoryFormat format)
    : state_(std::make_shared<State>()) {
  state_->raw = scope.parameter("weight", shape, start, format);
  state_->ops = &context.ops;
  state_->resample = resample;
  state_->in_bfloat16 = context.settings.in_bfloat16 && precision == Precision::kAsOptions;
  if (spectral) {
    const at::Tensor u = scope.buffer("u", {shape[0]}, 0, /*normal=*/true);
    state_->spectral =
        std::make_shared<ops::SpectralWeight>(ops::SpectralWeight{.raw = state_->raw, .u = u});
    context.spectral_weights.all.push_back(state_->spectral);
  }
  if (!state_->is_raw()) context.renew.push_back([state = state_] { state->effective.reset(); });
}

const at::Tensor& Weight::effective() const {
  State& state = *state_;
  if (state.is_raw()) return state.raw;
  const bool needs_graph = at::GradMode::is_enabled() && state.raw.requires_grad();
  if (!state.effective.defined() || (needs_graph && !state.effective.requires_grad())) {
    state.effective = state.make();
  }
  return state.effective;
}

Linear::Linear(Context& context, const Scope& scope, int64_t in, int64_t out, bool bias,
               bool spectral, Start start, Precision precision)
    : weight_(context, scope, {out, in}, spectral, start, ops::Resample::kNone, precision) {
  if (bias) bias_ = scope.parameter("bias", {out}, Start::kZero);
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  const at::Tensor& weight = weight_.effective();
  return at::linear(cast_to(x, weight), weight, cast_to(bias_, weight));
}

Conv::Conv(Context& context, const Scope& scope, ConvShape shape, bool spectral)
    : ops_(&context.ops),
      weight_(context, scope, {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel},
              spectral, Start::kWeight, shape.resample, Precision::kAsOptions,
              // As convolutions read it and leave its gradient. Spectral norm reads it as a matrix.
              spectral || shape.resample != ops::Resample::kNone ? at::MemoryFormat::Contiguous
                                                                 : at::MemoryFormat::ChannelsLast),
      stride_(shape.stride),
      padding_(shape.padding >= 0 ? shape.padding : (shape.kernel - shape.stride + 1) / 2),
      groups_(shape.groups),
      resample_(shape.resample) {
  BBG_CHECK(resample_ == ops::Resample::kNone ||
                (shape.kernel == 3 && shape.stride == 1 && shape.groups == 1 && padding_ == 1),
            "only a plain 3x3 convolution is computed in one with its resampling");
  if (shape.bias) bias_ = scope.parameter("bias", {shape.out}, Start::kZero);
}

at::Tensor Conv::operator()(const at::Tensor& x, const ops::Epilogue& epilogue) const {
  const at::Tensor& weight = weight_.effective();
  const at::Tensor image = cast_to(x, weight), bias = cast_to(bias_, weight);
  switch (resample_) {
    case ops::Resample::kUpsampleBefore:
      return ops_->convolve_transposed(image, weight, bias, {.padding = 1}, epilogue);
    case ops::Resample::kPoolAfter:
      return ops_->convolve(image, weight, bias, {.stride = 2, .padding = 1}, epilogue);
    case ops::Resample::kNone:
      break;
  }
  return ops_->convolve(image, weight, bias,
                        {.stride = stride_, .padding = padding_, .groups = groups_}, epilogue);
}

UpConv::UpConv(Context& context, const Scope& scope, int64_t in, int64_t out, int64_t kernel,
               bool bias)
    : ops_(&context.ops),
      weight_(context, scope, {in, out, kernel, kernel}, false),
      kernel_(kernel) {
  if (bias) bias_ = scope.parameter("bias", {out}, Start::kZero);
}

at::Tensor UpConv::operator()(const at::Tensor& x) const {
  const at::Tensor& weight = weight_.effective();
  return ops_->convolve_transposed(cast_to(x, weight), weight, cast_to(bias_, weight),
                                   {.padding = (kernel_ - 1) / 2, .output_padding = kernel_ % 2},
                                   /*epilogue=*/{});
}

}  // namespace bbg::nn
