#include "nn/layers.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "ops/cuda_norm.h"
#include "ops/cuda_weights.h"
#include "ops/spectral_norm.h"

namespace bbg::nn {

namespace {

// cuDNN's kernels for tensor cores want multiples of so many channels in bfloat16.
constexpr int64_t kChannelsOfTensorCores = 8;

// `convolution` with the bias, and what comes after it. On a GPU libtorch would add the bias in a
// slow pass.
template <class Convolution>
at::Tensor ended(const at::Tensor& bias, const at::Tensor& x, const ops::Epilogue& epilogue,
                 Convolution convolution) {
  at::Tensor y;
  if (bias.defined() && ops::cuda::has_kernel(x)) {
    y = convolution(at::Tensor());
    if (y.is_contiguous(at::MemoryFormat::ChannelsLast) &&
        (!epilogue.skip.defined() || epilogue.skip.scalar_type() == y.scalar_type())) {
      return ops::ended_by(ops::cuda::norm_kernels(), y, bias, epilogue);
    }
    y = y + bias.view({-1, 1, 1});
  } else {
    y = convolution(bias);
  }
  if (epilogue.skip.defined()) {
    y = y.add_(epilogue.is_upsampled ? ops::upsample_nearest(epilogue.skip) : epilogue.skip);
  }
  return epilogue.relu ? y.relu_() : y;
}

// A transposed convolution of stride 2 on CPU. oneDNN would take longer for the bias's gradient, a
// sum over positions, than for that of the weight.
class UpConvolution : public torch::autograd::Function<UpConvolution> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias, int64_t padding,
                            int64_t output_padding) {
    context->save_for_backward({x, weight});
    context->saved_data["padding"] = padding;
    context->saved_data["output_padding"] = output_padding;
    return at::conv_transpose2d(x, weight, bias, 2, padding, output_padding);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &g = gradients[0], &x = saved[0], &weight = saved[1];
    const int64_t padding = context->saved_data["padding"].toInt(),
                  output_padding = context->saved_data["output_padding"].toInt();
    const auto [of_x, of_weight, none] = at::convolution_backward(
        g, x, weight, c10::nullopt, {2, 2}, {padding, padding}, {1, 1}, /*transposed=*/true,
        {output_padding, output_padding}, 1,
        {context->needs_input_grad(0), context->needs_input_grad(1), false});
    return {of_x, of_weight, g.sum({0, 2, 3}), at::Tensor(), at::Tensor()};
  }
};

at::Tensor up_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                          int64_t padding, int64_t output_padding = 0) {
  return bias.defined() && x.is_cpu()
             ? UpConvolution::apply(x, weight, bias, padding, output_padding)
             : at::conv_transpose2d(x, weight, bias, 2, padding, output_padding);
}

// In the type of the weight; undefined stays so.
at::Tensor cast_to(const at::Tensor& x, const at::Tensor& weight) {
  return x.defined() ? x.to(weight.scalar_type()) : x;
}

}  // namespace

struct Weight::State {
  at::Tensor raw;
  std::shared_ptr<ops::SpectralWeight> spectral;  // null without spectral norm
  ops::Resample resample;
  bool in_bfloat16;
  at::Tensor effective;  // undefined until it is used

  bool is_raw() const { return !spectral && resample == ops::Resample::kNone && !in_bfloat16; }

  at::Tensor make() const {
    const at::ScalarType type = in_bfloat16 ? at::kBFloat16 : raw.scalar_type();
    const ops::PowerIteration iteration = spectral ? spectral->iteration : ops::PowerIteration();
    const bool is_divided = iteration.sigma.defined();
    if ((is_divided || resample != ops::Resample::kNone) &&
        ops::cuda::has_weight_kernels(raw, resample)) {
      return ops::effective_by(ops::cuda::weight_kernels(), raw, iteration, resample, type);
    }
    const at::Tensor made =
        ops::fold_resampling(is_divided ? ops::divided_by_norm(raw, iteration) : raw, resample)
            .to(type);
    // cuDNN would bring it there at every use.
    return ops::is_gpu(raw.device()) ? ops::channels_last(made) : made;
  }
};

Weight::Weight(Context& context, const Scope& scope, at::IntArrayRef shape, bool spectral,
               Start start, ops::Resample resample, Precision precision, at::MemoryFormat format)
    : state_(std::make_shared<State>()) {
  state_->raw = scope.parameter("weight", shape, start, format);
  state_->resample = resample;
  state_->in_bfloat16 = context.settings.in_bfloat16 && precision == Precision::kAsOptions;
  if (spectral) {
    const at::Tensor u = scope.buffer("u", {shape[0]}, 0, /*normal=*/true);
    state_->spectral =
        std::make_shared<ops::SpectralWeight>(ops::SpectralWeight{.raw = state_->raw, .u = u});
    context.power_iterations.add(state_->spectral);
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
    : weight_(context, scope, {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel},
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
  at::Tensor weight = weight_.effective();
  const at::Tensor bias = cast_to(bias_, weight);
  at::Tensor read = cast_to(x, weight);
  if (resample_ == ops::Resample::kUpsampleBefore) {
    return ended(bias, read, epilogue, [&](const at::Tensor& own) {
      return up_convolution(read, weight, own, /*padding=*/1);
    });
  }
  if (resample_ == ops::Resample::kPoolAfter) {
    return ended(bias, read, epilogue,
                 [&](const at::Tensor& own) { return at::conv2d(read, weight, own, 2, 1); });
  }
  int64_t stride = stride_;
  if (weight.size(-1) == 1 && padding_ == 0 && stride > 1 && x.device().is_cpu()) {
    // The positions that count are picked here. oneDNN picks them too, but its gradient of the
    // weight (jit_1x1 in float32, channels-last, fewer than 16 channels) writes behind its buffer.
    read = ops::channels_last(read.slice(2, 0, x.size(2), stride).slice(3, 0, x.size(3), stride));
    stride = 1;
  }
  if (ops::is_gpu(read.device()) && groups_ == 1 && read.size(1) < kChannelsOfTensorCores) {
    // Zeros more, which cost less than kernels without tensor cores do.
    const int64_t more = kChannelsOfTensorCores - read.size(1);
    read = at::constant_pad_nd(read, {0, 0, 0, 0, 0, more});
    weight = at::constant_pad_nd(weight, {0, 0, 0, 0, 0, more});
  }
  return ended(bias, read, epilogue, [&](const at::Tensor& own) {
    return at::conv2d(read, weight, own, stride, padding_, 1, groups_);
  });
}

UpConv::UpConv(Context& context, const Scope& scope, int64_t in, int64_t out, int64_t kernel,
               bool bias)
    : weight_(context, scope, {in, out, kernel, kernel}, false), kernel_(kernel) {
  if (bias) bias_ = scope.parameter("bias", {out}, Start::kZero);
}

at::Tensor UpConv::operator()(const at::Tensor& x) const {
  const at::Tensor& weight = weight_.effective();
  return up_convolution(cast_to(x, weight), weight, cast_to(bias_, weight), (kernel_ - 1) / 2,
                        kernel_ % 2);
}

}  // namespace bbg::nn
