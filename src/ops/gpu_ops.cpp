#include "ops/gpu_ops.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "ops/tensor_layout.h"

namespace bbg::ops {

namespace {

// cuDNN's kernels for tensor cores want multiples of so many channels in bfloat16.
constexpr int64_t kChannelsOfTensorCores = 8;

bool is_float(at::ScalarType type) { return type == at::kFloat || type == at::kDouble; }

}  // namespace

GpuOps::GpuOps(MakeKernelProgram make, bool has_bfloat16)
    : has_bfloat16_(has_bfloat16), norm_(make), weights_(make) {}

bool GpuOps::takes(const at::Tensor& x) const {
  return NormKernels::takes(x) && (is_float(x.scalar_type()) || has_bfloat16_);
}

at::Tensor GpuOps::norm_moments(const at::Tensor& x) {
  return takes(x) ? norm_.moments(x) : plain_.norm_moments(x);
}

NormStatistics GpuOps::merge_norm_moments(const at::Tensor& all, double eps,
                                          const RunningStatistics& running) {
  return is_float(all.scalar_type()) ? norm_.merge(all, eps, running)
                                     : plain_.merge_norm_moments(all, eps, running);
}

at::Tensor GpuOps::norm_forward(const at::Tensor& x, const NormTerms& terms) {
  return takes(x) ? norm_.forward(x, terms) : plain_.norm_forward(x, terms);
}

NormGradientSums GpuOps::norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                            const NormTerms& terms) {
  return takes(x) ? norm_.gradient_sums(x, g, terms) : plain_.norm_gradient_sums(x, g, terms);
}

at::Tensor GpuOps::norm_gradient_input(const at::Tensor& x, const at::Tensor& g,
                                       const NormTerms& terms, const at::Tensor& sums,
                                       const at::Tensor& count) {
  return takes(x) ? norm_.gradient_input(x, g, terms, sums, count)
                  : plain_.norm_gradient_input(x, g, terms, sums, count);
}

void GpuOps::iterate(SpectralWeights& weights, double eps, bool move) {
  if (weights.all.empty()) return;
  if (!is_float(weights.all[0]->raw.scalar_type())) return plain_.iterate(weights, eps, move);
  const at::NoGradGuard no_grad;
  weights_.iterate(weights, eps, move);
}

at::Tensor GpuOps::effective_weight(const at::Tensor& weight, const PowerIteration& iteration,
                                    Resample resample, at::ScalarType type) {
  const bool is_changed = iteration.sigma.defined() || resample != Resample::kNone;
  if (is_changed && WeightKernels::takes(weight, resample)) {
    return ops::effective_weight(weights_, weight, iteration, resample, type);
  }
  // cuDNN would bring it there at every use.
  return channels_last(plain_.effective_weight(weight, iteration, resample, type));
}

template <class Convolve>
at::Tensor GpuOps::with_epilogue(const at::Tensor& x, const at::Tensor& bias,
                                 const Epilogue& epilogue, Convolve convolve) {
  if (!bias.defined() || !takes(x)) return plain::apply_epilogue(convolve(bias), epilogue);
  const at::Tensor y = convolve(at::Tensor());
  const bool has_kernel =
      y.is_contiguous(at::MemoryFormat::ChannelsLast) &&
      (!epilogue.skip.defined() || epilogue.skip.scalar_type() == y.scalar_type());
  return has_kernel ? ops::apply_epilogue(norm_, y, bias, epilogue)
                    : plain::apply_epilogue(y + bias.view({-1, 1, 1}), epilogue);
}

at::Tensor GpuOps::convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const Convolution& shape, const Epilogue& epilogue) {
  at::Tensor image = x, kernel = weight;
  if (shape.groups == 1 && x.size(1) < kChannelsOfTensorCores) {
    // Channels of zeros cost less than kernels without tensor cores do.
    const int64_t missing = kChannelsOfTensorCores - x.size(1);
    image = at::constant_pad_nd(x, {0, 0, 0, 0, 0, missing});
    kernel = at::constant_pad_nd(weight, {0, 0, 0, 0, 0, missing});
  }
  return with_epilogue(image, bias, epilogue, [&](const at::Tensor& own_bias) {
    return plain::convolve(image, kernel, own_bias, shape);
  });
}

at::Tensor GpuOps::convolve_transposed(const at::Tensor& x, const at::Tensor& weight,
                                       const at::Tensor& bias, const TransposedConvolution& shape,
                                       const Epilogue& epilogue) {
  return with_epilogue(x, bias, epilogue, [&](const at::Tensor& own_bias) {
    return plain::convolve_transposed(x, weight, own_bias, shape);
  });
}

}  // namespace bbg::ops
