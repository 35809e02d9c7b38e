#include "model/layers.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "model/cuda_norm.h"
#include "model/cuda_weights.h"
#include "model/spectral_norm.h"

namespace bbg::model {

namespace {

// Along both last dimensions the sum of the kernel and of itself one further: 3x3 -> 4x4.
at::Tensor with_shifted(const at::Tensor& weight) {
  const at::Tensor wide =
      at::constant_pad_nd(weight, {0, 1, 0, 0}) + at::constant_pad_nd(weight, {1, 0, 0, 0});
  return at::constant_pad_nd(wide, {0, 0, 0, 1}) + at::constant_pad_nd(wide, {0, 0, 1, 0});
}

// cuDNN's kernels for tensor cores want multiples of so many channels in bfloat16.
constexpr int64_t kChannelsOfTensorCores = 8;

// `convolution` with the bias, and what comes after it. On a GPU libtorch would add the bias in a
// slow pass.
template <class Convolution>
at::Tensor ended(const at::Tensor& bias, const at::Tensor& x, const After& after,
                 Convolution convolution) {
  at::Tensor y;
  if (bias.defined() && cuda::has_kernel(x)) {
    y = convolution(at::Tensor());
    if (y.is_contiguous(at::MemoryFormat::ChannelsLast) &&
        (!after.skip.defined() || after.skip.scalar_type() == y.scalar_type())) {
      return ended_by(cuda::norm_kernels(), y, bias, after);
    }
    y = y + bias.view({-1, 1, 1});
  } else {
    y = convolution(bias);
  }
  if (after.skip.defined()) {
    y = y.add_(after.is_upsampled ? upsample_nearest(after.skip) : after.skip);
  }
  return after.relu ? y.relu_() : y;
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
at::Tensor like(const at::Tensor& x, const at::Tensor& weight) {
  return x.defined() ? x.to(weight.scalar_type()) : x;
}

// The kernel that the layer reads of a weight; differentiable.
at::Tensor formed(const at::Tensor& weight, Resample resample) {
  switch (resample) {
    case Resample::kUpsampleBefore:
      return upsampling_kernel(weight);
    case Resample::kPoolAfter:
      return pooling_kernel(weight);
    case Resample::kNone:
      break;
  }
  return weight;
}

}  // namespace

// Each output of the convolution after nearest x2 reads each input through one or two taps a side;
// a transposed convolution runs over its kernel backwards.
at::Tensor upsampling_kernel(const at::Tensor& weight) {
  return with_shifted(weight).flip({2, 3}).transpose(0, 1).contiguous();
}

at::Tensor pooling_kernel(const at::Tensor& weight) { return with_shifted(weight) / 4; }

struct Weight::State {
  at::Tensor raw;
  std::shared_ptr<SpectralWeight> spectral;  // null without spectral norm
  Resample resample;
  bool in_bfloat16;
  at::Tensor effective;  // undefined until it is used

  bool is_raw() const { return !spectral && resample == Resample::kNone && !in_bfloat16; }

  at::Tensor make() const {
    const at::ScalarType type = in_bfloat16 ? at::kBFloat16 : raw.scalar_type();
    const PowerIteration iteration = spectral ? spectral->iteration : PowerIteration();
    const bool is_divided = iteration.sigma.defined();
    if ((is_divided || resample != Resample::kNone) && cuda::has_weight_kernels(raw, resample)) {
      return effective_by(cuda::weight_kernels(), raw, iteration, resample, type);
    }
    const at::Tensor made =
        formed(is_divided ? divided_by_norm(raw, iteration) : raw, resample).to(type);
    // cuDNN would bring it there at every use.
    return is_gpu(raw.device()) ? channels_last(made) : made;
  }
};

Weight::Weight(Context& context, const Scope& scope, at::IntArrayRef shape, bool spectral,
               Start start, Resample resample, Precision precision, at::MemoryFormat format)
    : state_(std::make_shared<State>()) {
  state_->raw = scope.parameter("weight", shape, start, format);
  state_->resample = resample;
  state_->in_bfloat16 = context.options.in_bfloat16 && precision == Precision::kAsOptions;
  if (spectral) {
    const at::Tensor u = scope.buffer("u", {shape[0]}, 0, /*normal=*/true);
    state_->spectral = std::make_shared<SpectralWeight>(SpectralWeight{.raw = state_->raw, .u = u});
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
    : weight_(context, scope, {out, in}, spectral, start, Resample::kNone, precision) {
  if (bias) bias_ = scope.parameter("bias", {out}, Start::kZero);
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  const at::Tensor& weight = weight_.effective();
  return at::linear(like(x, weight), weight, like(bias_, weight));
}

Conv::Conv(Context& context, const Scope& scope, ConvShape shape, bool spectral)
    : weight_(context, scope, {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel},
              spectral, Start::kWeight, shape.resample, Precision::kAsOptions,
              // As convolutions read it and leave its gradient. Spectral norm reads it as a matrix.
              spectral || shape.resample != Resample::kNone ? at::MemoryFormat::Contiguous
                                                            : at::MemoryFormat::ChannelsLast),
      stride_(shape.stride),
      padding_(shape.padding >= 0 ? shape.padding : (shape.kernel - shape.stride + 1) / 2),
      groups_(shape.groups),
      resample_(shape.resample) {
  BBG_CHECK(resample_ == Resample::kNone ||
                (shape.kernel == 3 && shape.stride == 1 && shape.groups == 1 && padding_ == 1),
            "only a plain 3x3 convolution is computed in one with its resampling");
  if (shape.bias) bias_ = scope.parameter("bias", {shape.out}, Start::kZero);
}

at::Tensor Conv::operator()(const at::Tensor& x, const After& after) const {
  at::Tensor weight = weight_.effective();
  const at::Tensor bias = like(bias_, weight);
  at::Tensor read = like(x, weight);
  if (resample_ == Resample::kUpsampleBefore) {
    return ended(bias, read, after, [&](const at::Tensor& own) {
      return up_convolution(read, weight, own, /*padding=*/1);
    });
  }
  if (resample_ == Resample::kPoolAfter) {
    return ended(bias, read, after,
                 [&](const at::Tensor& own) { return at::conv2d(read, weight, own, 2, 1); });
  }
  int64_t stride = stride_;
  if (weight.size(-1) == 1 && padding_ == 0 && stride > 1 && x.device().is_cpu()) {
    // The positions that count are picked here. oneDNN picks them too, but its gradient of the
    // weight (jit_1x1 in float32, channels-last, fewer than 16 channels) writes behind its buffer.
    read = channels_last(read.slice(2, 0, x.size(2), stride).slice(3, 0, x.size(3), stride));
    stride = 1;
  }
  if (is_gpu(read.device()) && groups_ == 1 && read.size(1) < kChannelsOfTensorCores) {
    // Zeros more, which cost less than kernels without tensor cores do.
    const int64_t more = kChannelsOfTensorCores - read.size(1);
    read = at::constant_pad_nd(read, {0, 0, 0, 0, 0, more});
    weight = at::constant_pad_nd(weight, {0, 0, 0, 0, 0, more});
  }
  return ended(bias, read, after, [&](const at::Tensor& own) {
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
  return up_convolution(like(x, weight), weight, like(bias_, weight), (kernel_ - 1) / 2,
                        kernel_ % 2);
}

at::Tensor upsample_nearest(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

at::Tensor average_pool(const at::Tensor& x) { return at::avg_pool2d(x, 2); }

}  // namespace bbg::model
