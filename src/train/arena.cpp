#include "train/arena.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "core/error.h"

namespace bbg::train {

Arena::Arena(const std::vector<nn::NamedTensor>& parameters, bool has_gradients, int64_t unit,
             const MakeZeros& for_gradients)
    : parameters_(parameters.rbegin(), parameters.rend()) {
  BBG_CHECK(!parameters_.empty(), "a network without parameters");
  const at::NoGradGuard no_grad;
  int64_t total = 0;
  for (const auto& parameter : parameters_) {
    BBG_CHECK(parameter.tensor.is_non_overlapping_and_dense(), "a parameter with gaps");
    offsets_.push_back(total);
    // Each view starts on a 64-byte boundary, which vectorised kernels like; the gaps stay zero.
    total += (parameter.tensor.numel() + 15) / 16 * 16;
  }
  total = (total + unit - 1) / unit * unit;
  const at::TensorOptions options = parameters_.front().tensor.options().requires_grad(false);
  values_ = at::zeros({total}, options);
  const auto value_views = views(values_);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& parameter = parameters_[i].tensor;
    value_views[i].tensor.copy_(parameter);
    parameter.set_data(value_views[i].tensor);
  }
  if (!has_gradients) return;
  gradients_ = for_gradients(total, options);
  const auto gradient_views = views(gradients_);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    // With a gradient already there, backward adds into it in place and never replaces it.
    parameters_[i].tensor.mutable_grad() = gradient_views[i].tensor;
  }
}

void Arena::zero_gradients() { gradients_.zero_(); }

std::vector<comm::GradientExchange::Place> Arena::places() const {
  std::vector<comm::GradientExchange::Place> places;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    places.push_back({parameters_[i].tensor, offsets_[i]});
  }
  return places;
}

std::vector<nn::NamedTensor> Arena::views(const at::Tensor& flat) const {
  std::vector<nn::NamedTensor> all;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].tensor;
    all.push_back({parameters_[i].name, flat.as_strided(parameter.sizes(), parameter.strides(),
                                                        flat.storage_offset() + offsets_[i])});
  }
  return all;
}

}  // namespace bbg::train
