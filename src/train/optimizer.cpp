#include "train/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adam.h>

namespace bbg::train {

Adam::Adam(Arena& arena, AdamOptions options)
    : arena_(arena),
      options_(options),
      first_(arena.like()),
      second_(arena.like()),
      steps_(at::zeros({}, arena.values().options().dtype(at::kFloat))) {}

void Adam::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  steps_.add_(1);
  std::vector<at::Tensor> values{arena_.values()}, gradients{arena_.gradients()}, first{first_},
      second{second_}, no_maximum, steps{steps_};
  at::_fused_adam_(values, gradients, first, second, no_maximum, steps, learning_rate,
                   options_.beta1, options_.beta2, /*weight_decay=*/0.0, options_.eps,
                   /*amsgrad=*/false, /*maximize=*/false);
}

}  // namespace bbg::train
