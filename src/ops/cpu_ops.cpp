#include "ops/cpu_ops.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/cpu_norm.h"
#include "ops/plain_norm.h"

namespace bbg::ops {

namespace {

// A transposed convolution of stride 2 with a bias. oneDNN would take longer for the bias's
// gradient, a sum over positions, than for that of the weight.
class BiasedTransposedConvolution : public torch::autograd::Function<BiasedTransposedConvolution> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const TransposedConvolution& shape) {
    context->save_for_backward({x, weight});
    context->saved_data["padding"] = shape.padding;
    context->saved_data["output_padding"] = shape.output_padding;
    return plain::convolve_transposed(x, weight, bias, shape);
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
    return {of_x, of_weight, g.sum({0, 2, 3}), at::Tensor()};
  }
};

}  // namespace

at::Tensor CpuOps::norm_moments(const at::Tensor& x) {
  if (!cpu::has_norm_kernel(x)) return plain_.norm_moments(x);
  return plain::pack_moments(cpu::channel_moments(x), x);
}

NormStatistics CpuOps::merge_norm_moments(const at::Tensor& all, double eps,
                                          const RunningStatistics& running) {
  return plain_.merge_norm_moments(all, eps, running);
}

at::Tensor CpuOps::norm_forward(const at::Tensor& x, const NormTerms& terms) {
  return cpu::has_norm_kernel(x) ? cpu::norm_forward(x, terms) : plain_.norm_forward(x, terms);
}

NormGradientSums CpuOps::norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                            const NormTerms& terms) {
  if (!cpu::has_norm_kernel(x)) return plain_.norm_gradient_sums(x, g, terms);
  return plain::sum_over_samples(cpu::norm_gradient_sums(x, g, terms), terms);
}

at::Tensor CpuOps::norm_gradient_input(const at::Tensor& x, const at::Tensor& g,
                                       const NormTerms& terms, const at::Tensor& sums,
                                       const at::Tensor& count) {
  if (!cpu::has_norm_kernel(x)) return plain_.norm_gradient_input(x, g, terms, sums, count);
  const at::Tensor means = sums / count;
  return cpu::norm_gradient_input(x, g, terms, means[0], means[1]);
}

void CpuOps::iterate(SpectralWeights& weights, double eps, bool move) {
  plain_.iterate(weights, eps, move);
}

at::Tensor CpuOps::effective_weight(const at::Tensor& weight, const PowerIteration& iteration,
                                    Resample resample, at::ScalarType type) {
  return plain_.effective_weight(weight, iteration, resample, type);
}

at::Tensor CpuOps::convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const Convolution& shape, const Epilogue& epilogue) {
  return plain_.convolve(x, weight, bias, shape, epilogue);
}

at::Tensor CpuOps::convolve_transposed(const at::Tensor& x, const at::Tensor& weight,
                                       const at::Tensor& bias, const TransposedConvolution& shape,
                                       const Epilogue& epilogue) {
  if (!bias.defined()) return plain_.convolve_transposed(x, weight, bias, shape, epilogue);
  return plain::apply_epilogue(BiasedTransposedConvolution::apply(x, weight, bias, shape),
                               epilogue);
}

}  // namespace bbg::ops
