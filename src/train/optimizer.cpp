#include "train/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adam.h>

namespace bbg::train {

Adam::Adam(std::vector<at::Tensor> values, std::vector<at::Tensor> gradients, AdamOptions options)
    : values_(std::move(values)),
      gradients_(std::move(gradients)),
      options_(options),
      steps_(at::zeros({}, values_.at(0).options().dtype(at::kFloat))) {
  int64_t length = 0;
  for (const at::Tensor& part : values_) length += part.numel();
  first_ = at::zeros({length}, values_[0].options());
  second_ = at::zeros_like(first_);
  if (first_.is_cuda()) rate_on_device_ = at::zeros_like(steps_);
}

std::vector<at::Tensor> Adam::parts(const at::Tensor& moment) const {
  std::vector<int64_t> lengths;
  for (const at::Tensor& part : values_) lengths.push_back(part.numel());
  return moment.split_with_sizes(lengths);
}

void Adam::set_rate(double rate) {
  rate_ = rate;
  if (rate_on_device_.defined()) rate_on_device_.fill_(rate);
}

void Adam::step() {
  const at::NoGradGuard no_grad;
  steps_.add_(1);
  const std::vector<at::Tensor> first = parts(first_), second = parts(second_), no_maximum,
                                steps(values_.size(), steps_);
  const auto step = [&](const auto& rate) {
    at::_fused_adam_(values_, gradients_, first, second, no_maximum, steps, rate, options_.beta1,
                     options_.beta2, /*weight_decay=*/0.0, options_.eps, /*amsgrad=*/false,
                     /*maximize=*/false);
  };
  if (rate_on_device_.defined()) {
    step(rate_on_device_);
  } else {
    step(rate_);
  }
}

}  // namespace bbg::train
