#include "ops/spectral_norm.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace bbg::ops {

namespace {

at::Tensor normalise(const at::Tensor& x, double eps) { return x / x.norm().clamp_min(eps); }

at::Tensor rows(const at::Tensor& weight) { return weight.reshape({weight.size(0), -1}); }

// Autograd's own graph of the division and of sigma would pass over large weights twice as often.
class DividedByNorm : public torch::autograd::Function<DividedByNorm> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& weight,
                            const PowerIteration& iteration) {
    at::Tensor divided = weight / iteration.sigma;
    context->save_for_backward({divided, iteration.u, iteration.v, iteration.sigma});
    return divided;
  }

  // d sigma / dW = u v^T: the gradient of W is (g - <g, W / sigma> u v^T) / sigma.
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &divided = saved[0], &u = saved[1], &v = saved[2], &sigma = saved[3];
    const at::Tensor g = rows(gradients[0]);
    const at::Tensor product = at::dot(g.flatten(), divided.flatten());
    at::Tensor result = at::addr(g / sigma, u * (product / -sigma), v);
    return {result.view(divided.sizes()), at::Tensor()};
  }
};

}  // namespace

PowerIteration iterate(const at::Tensor& weight, const at::Tensor& u, double eps) {
  const at::NoGradGuard no_grad;
  const at::Tensor matrix = rows(weight);
  const at::Tensor v = normalise(at::mv(matrix.t(), u), eps);
  const at::Tensor product = at::mv(matrix, v), next = normalise(product, eps);
  return {.v = v, .u = next, .sigma = at::dot(next, product)};
}

at::Tensor divided_by_norm(const at::Tensor& weight, const PowerIteration& iteration) {
  return DividedByNorm::apply(weight, iteration);
}

SpectralResult spectral_norm(const at::Tensor& weight, const at::Tensor& u, double eps) {
  const PowerIteration iteration = iterate(weight, u, eps);
  return {divided_by_norm(weight, iteration), iteration.u, iteration.sigma};
}

}  // namespace bbg::ops
