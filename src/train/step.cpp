#include "train/step.h"

#include <ATen/record_function.h>

#include <vector>

#include "train/portions.h"
#include "train/weight_update.h"

namespace bbg::train {

Step::Step(TrainState& state, const model::ModelOptions& model, const TrainOptions& train,
           const loss::LossOptions& loss)
    : state_(state), train_(train), passes_(state.nets, model, train, loss) {
  const at::Device device = state.g.arena.values().device();
  const bool is_wanted = train.cuda_graphs == CudaGraphs::kOn ||
                         (train.cuda_graphs == CudaGraphs::kAuto && state.num_ranks() == 1);
  if (!is_wanted || !device.is_cuda()) return;
  const bool is_one = train.simultaneous || !state.d;
  graphs_ = std::make_unique<UpdateGraphs>(device, is_one ? 1 : 2);
}

loss::Loss Step::update_discriminator(const core::Batch& batch, const Noise& noise, double lr_d) {
  state_.d->adam.set_rate(lr_d);
  return make_update(kDiscriminator, batch, noise).first;
}

loss::Loss Step::update_generator_encoder(const core::Batch& batch, const Noise& noise, double lr_g,
                                          double lr_e) {
  set_rates(lr_g, lr_e);
  return make_update(kGeneratorEncoder, batch, noise).second;
}

std::pair<loss::Loss, loss::Loss> Step::update_together(const core::Batch& batch,
                                                        const Noise& noise, double lr_g,
                                                        double lr_e, double lr_d) {
  if (!state_.d) return {loss::Loss(), update_generator_encoder(batch, noise, lr_g, lr_e)};
  set_rates(lr_g, lr_e);
  state_.d->adam.set_rate(lr_d);
  return make_update(kTogether, batch, noise);
}

Step::Losses Step::make_update(Kind kind, const core::Batch& batch, const Noise& noise) {
  const auto update = [this, kind](const core::Batch& images, const Noise& numbers) -> Losses {
    switch (kind) {
      case kDiscriminator:
        return {make_discriminator_update(images, numbers), loss::Loss()};
      case kGeneratorEncoder:
        return {loss::Loss(), make_generator_encoder_update(images, numbers)};
      case kTogether:
        break;
    }
    return make_joint_update(images, numbers);
  };
  return graphs_ ? graphs_->run(kind, batch, noise, update) : update(batch, noise);
}

loss::Loss Step::make_discriminator_update(const core::Batch& batch, const Noise& noise) {
  RECORD_USER_SCOPE("update of D");
  state_.d->arena.zero_gradients();
  std::vector<loss::Loss> losses;
  for (const Portion& portion : portions(batch, noise, train_.accumulate)) {
    loss::Loss loss = passes_.discriminator_loss(portion);
    if (portion.is_last) state_.d->exchange.begin();
    {
      RECORD_USER_SCOPE("backward");
      share(loss).backward();
    }
    loss.total = loss.total.detach();
    losses.push_back(std::move(loss));
  }
  update_d();
  return loss::mean(losses);
}

loss::Loss Step::make_generator_encoder_update(const core::Batch& batch, const Noise& noise) {
  RECORD_USER_SCOPE("update of G and E");
  model::Discriminator* discriminator = state_.nets.discriminator.get();
  if (discriminator != nullptr) discriminator->set_requires_grad(false);
  zero_gradients();
  std::vector<loss::Loss> losses;
  for (const Portion& portion : portions(batch, noise, train_.accumulate)) {
    loss::Loss loss = passes_.generator_encoder_loss(portion);
    if (portion.is_last) begin_exchange();
    {
      RECORD_USER_SCOPE("backward");
      share(loss).backward();
    }
    loss.total = loss.total.detach();
    losses.push_back(std::move(loss));
  }
  if (discriminator != nullptr) discriminator->set_requires_grad(true);
  update_networks();
  return loss::mean(losses);
}

Step::Losses Step::make_joint_update(const core::Batch& batch, const Noise& noise) {
  RECORD_USER_SCOPE("update of D, G and E");
  const model::Nets& nets = state_.nets;
  // Each loss reaches the parameters that it trains, and no others.
  const std::vector<at::Tensor> of_d = nets.discriminator->parameter_tensors();
  std::vector<at::Tensor> of_ge = nets.generator->parameter_tensors();
  if (nets.encoder) {
    const std::vector<at::Tensor> of_e = nets.encoder->parameter_tensors();
    of_ge.insert(of_ge.end(), of_e.begin(), of_e.end());
  }
  state_.d->arena.zero_gradients();
  zero_gradients();
  std::vector<loss::Loss> losses_d, losses_ge;
  for (const Portion& portion : portions(batch, noise, train_.accumulate)) {
    auto [loss_d, loss_ge] = passes_.both_losses(portion);
    {
      RECORD_USER_SCOPE("backward");
      if (portion.is_last) state_.d->exchange.begin();
      share(loss_d).backward({}, /*retain_graph=*/true, /*create_graph=*/false, of_d);
      if (portion.is_last) begin_exchange();
      share(loss_ge).backward({}, /*retain_graph=*/false, /*create_graph=*/false, of_ge);
    }
    loss_d.total = loss_d.total.detach();
    loss_ge.total = loss_ge.total.detach();
    losses_d.push_back(std::move(loss_d));
    losses_ge.push_back(std::move(loss_ge));
  }
  update_d();
  update_networks();
  return {loss::mean(losses_d), loss::mean(losses_ge)};
}

at::Tensor Step::share(const loss::Loss& loss) const {
  const at::Tensor own = train_.accumulate == 1 ? loss.total : loss.total / train_.accumulate;
  return state_.queue.share() == 1 ? own : own * state_.queue.share();
}

void Step::set_rates(double lr_g, double lr_e) {
  state_.g.adam.set_rate(lr_g);
  if (state_.e) state_.e->adam.set_rate(lr_e);
}

void Step::zero_gradients() {
  state_.g.arena.zero_gradients();
  if (state_.e) state_.e->arena.zero_gradients();
}

void Step::begin_exchange() {
  state_.g.exchange.begin();
  if (state_.e) state_.e->exchange.begin();
}

void Step::update_d() {
  update_weights(*state_.d, *state_.nets.discriminator, train_, /*orthogonal=*/0,
                 state_.communicator());
}

void Step::update_networks() {
  update_weights(state_.g, *state_.nets.generator, train_, train_.orthogonal,
                 state_.communicator());
  if (!state_.e) return;
  update_weights(*state_.e, *state_.nets.encoder, train_, /*orthogonal=*/0, state_.communicator());
}

}  // namespace bbg::train
