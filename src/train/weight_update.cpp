#include "train/weight_update.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include "loss/orthogonal.h"

namespace bbg::train {

namespace {

constexpr double kClipEps = 1e-6;  // as torch.nn.utils.clip_grad_norm_ has it

// The ranks take turns at the weights and send what they find: processors of different make round
// products of matrices otherwise.
void add_orthogonal_gradients(const nn::Network& network, double beta, comm::Communicator& ranks) {
  int turn = 0;
  for (const auto& [name, weight] : network.store().parameters()) {
    if (weight.dim() < 2 || name == "class_embedding.weight") continue;  // docs/choices.md 50
    const int maker = turn++ % ranks.size();
    at::Tensor direction = ranks.rank() == maker ? loss::orthogonal_direction(weight)
                                                 : at::empty(weight.sizes(), weight.options());
    if (ranks.size() > 1) ranks.broadcast(direction, maker);
    loss::add_orthogonal_gradient(weight, direction, beta);
  }
}

void add_weight_decay(const nn::Network& network, double decay) {
  const at::NoGradGuard no_grad;
  for (const at::Tensor& weight : network.store().decayed()) weight.grad().add_(weight, decay);
}

}  // namespace

void update_weights(Trained& trained, const nn::Network& network, const TrainOptions& options,
                    double orthogonal, comm::Communicator& ranks) {
  {
    RECORD_USER_SCOPE("exchange");
    trained.exchange.finish();
  }
  RECORD_USER_SCOPE("optimizer");
  if (options.clip_norm > 0 || trained.exchange.is_sharded()) {
    trained.gradient_norm = trained.exchange.norm();
  } else {
    trained.gradient_norm = trained.arena.gradients().norm();
  }
  if (options.clip_norm > 0) {
    trained.arena.gradients().mul_(
        (options.clip_norm / (trained.gradient_norm + kClipEps)).clamp_max(1));
  }
  // After the exchange: both are the same on every rank, to the last bit.
  if (orthogonal > 0) add_orthogonal_gradients(network, orthogonal, ranks);
  if (options.weight_decay > 0) add_weight_decay(network, options.weight_decay);
  trained.step();
}

}  // namespace bbg::train
