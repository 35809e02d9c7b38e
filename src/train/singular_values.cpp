#include "train/singular_values.h"

#include <ATen/core/grad_mode.h>

namespace bbg::train {

namespace {

constexpr int kIterations = 30;

at::Tensor largest(const at::Tensor& weight) {
  const at::Tensor matrix = weight.detach().reshape({weight.size(0), -1});
  // No structure of a weight is likely to be orthogonal to it.
  at::Tensor u = at::sin(at::arange(matrix.size(0), matrix.options()) + 1);
  at::Tensor sigma;
  for (int i = 0; i < kIterations; ++i) {
    const at::Tensor v = at::mv(matrix.t(), u);
    u = at::mv(matrix, v / v.norm().clamp_min(1e-30));
    sigma = u.norm();
    u = u / sigma.clamp_min(1e-30);
  }
  return sigma;
}

}  // namespace

core::Values top_singular_values(const std::string& network_name, const nn::Network& network) {
  const at::NoGradGuard no_grad;
  std::vector<std::string> names;
  std::vector<at::Tensor> values;
  for (const auto& parameter : network.store().parameters()) {
    if (parameter.tensor.dim() < 2) continue;
    names.push_back("sigma." + network_name + "." + parameter.name);
    values.push_back(largest(parameter.tensor));
  }
  const at::Tensor all = at::stack(values).to(at::kCPU, at::kDouble);
  core::Values result;
  for (size_t i = 0; i < names.size(); ++i) {
    result.emplace_back(names[i], all.data_ptr<double>()[i]);
  }
  result.emplace_back("sigma_max_" + network_name, all.max().item<double>());
  return result;
}

}  // namespace bbg::train
