#include "train/step.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include "core/error.h"
#include "loss/orthogonal.h"
#include "loss/regression.h"

namespace bbg::train {

namespace {

constexpr double kClipEps = 1e-6;  // as torch.nn.utils.clip_grad_norm_ has it

at::Tensor part(const at::Tensor& rows, int64_t first, int64_t count) {
  return rows.defined() ? rows.narrow(0, first, count) : rows;
}
core::Scores part(const core::Scores& scores, int64_t first, int64_t count) {
  return {.x = part(scores.x, first, count),
          .z = part(scores.z, first, count),
          .xz = part(scores.xz, first, count)};
}

at::Tensor join(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() ? at::cat({a, b}) : a;
}

// x itself, to the last bit; backward passes `share` of the gradient.
at::Tensor pass_gradient(const at::Tensor& x, double share) {
  const at::Tensor value = x.detach();
  return share == 0 ? value : value + (x - value) * share;
}

}  // namespace

at::Tensor shrink(const at::Tensor& images, int64_t size) {
  const int64_t from = images.size(-1);
  if (from == size) return images;
  if (from % size == 0) return at::avg_pool2d(images, from / size);
  return at::_upsample_bilinear2d_aa(images, {size, size}, /*align_corners=*/false);
}

Step::Step(TrainState& state, const model::ModelOptions& model, const TrainOptions& train,
           const loss::LossOptions& loss)
    : state_(state),
      model_(model),
      train_(train),
      loss_(loss),
      augment_(parse_augment_policy(train.augment)),
      pairs_codes_(model.active_terms().read_code()) {
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
  state_.g.adam.set_rate(lr_g);
  if (state_.e) state_.e->adam.set_rate(lr_e);
  return make_update(kGeneratorEncoder, batch, noise).second;
}

std::pair<loss::Loss, loss::Loss> Step::update_together(const core::Batch& batch,
                                                        const Noise& noise, double lr_g,
                                                        double lr_e, double lr_d) {
  if (!state_.d) return {loss::Loss(), update_generator_encoder(batch, noise, lr_g, lr_e)};
  state_.g.adam.set_rate(lr_g);
  if (state_.e) state_.e->adam.set_rate(lr_e);
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

at::Tensor Step::shown_real(const core::Batch& batch, const Noise& noise) const {
  const at::Tensor images = shrink(batch.images, model_.resolution);
  return augment_.is_empty() ? images : augmented(images, augment_, noise.augment.select(1, 0));
}

at::Tensor Step::shown_generated(const at::Tensor& generated, const Noise& noise) const {
  return augment_.is_empty() ? generated
                             : augmented(generated, augment_, noise.augment.select(1, 1));
}

Step::Pairs Step::score(const core::Batch& batch, const at::Tensor& code,
                        const at::Tensor& generated, const Noise& noise) {
  model::Discriminator& discriminator = *state_.nets.discriminator;
  const at::Tensor real = shown_real(batch, noise), shown = shown_generated(generated, noise);
  const at::Tensor labels = model_.is_conditional() ? batch.labels : at::Tensor();
  Pairs pairs;
  if (discriminator.may_mix_halves()) {
    const int64_t n = real.size(0);
    const core::Scores both = discriminator.forward(at::cat({real, shown}), join(code, noise.z),
                                                    join(labels, noise.labels));
    pairs.encoder = part(both, 0, n);
    pairs.generator = part(both, n, n);
  } else {
    pairs.encoder = discriminator.forward(real, code, labels);
    pairs.generator = discriminator.forward(shown, noise.z, noise.labels);
  }
  return pairs;
}

loss::Loss Step::discriminator_loss(const Pairs& pairs) const {
  return loss::discriminator_loss(loss_.kind, pairs.encoder, pairs.generator, loss_.form,
                                  loss_.scale);
}

loss::Loss Step::generator_encoder_loss(const Pairs& pairs) const {
  // Without codes nothing in the scores of real images depends on what is trained here.
  return loss::generator_encoder_loss(loss_.kind, pairs_codes_ ? pairs.encoder : core::Scores(),
                                      pairs.generator, loss_.form, loss_.scale);
}

std::vector<Step::Portion> Step::portions(const core::Batch& batch, const Noise& noise) const {
  const int64_t count = train_.accumulate, whole = batch.images.size(0);
  BBG_CHECK(whole % count == 0, "train.accumulate does not divide a rank's batch");
  const int64_t size = whole / count;
  std::vector<Portion> all;
  for (int64_t i = 0; i < count; ++i) {
    const auto of = [&](const at::Tensor& rows) { return part(rows, i * size, size); };
    all.push_back({.batch = {.images = of(batch.images),
                             .labels = of(batch.labels),
                             .sample_ids = of(batch.sample_ids)},
                   .noise = {.z = of(noise.z),
                             .epsilon = of(noise.epsilon),
                             .labels = of(noise.labels),
                             .augment = of(noise.augment)},
                   .is_first = i == 0,
                   .is_last = i + 1 == count});
  }
  return all;
}

void Step::begin(nn::Network& network, const Portion& portion) {
  if (portion.is_first) {
    network.begin_substep();
  } else {
    network.renew_weights();
  }
}

at::Tensor Step::share(const loss::Loss& loss) const {
  const at::Tensor own = train_.accumulate == 1 ? loss.total : loss.total / train_.accumulate;
  return state_.queue.share() == 1 ? own : own * state_.queue.share();
}

void Step::backward(const loss::Loss& loss) const {
  RECORD_USER_SCOPE("backward");
  share(loss).backward();
}

void Step::add_latent_loss(const at::Tensor& generated, const Portion& portion, loss::Loss& loss) {
  model::Encoder& encoder = *state_.nets.encoder;
  begin(encoder, portion);
  const model::Code code = encoder.forward(pass_gradient(generated, loss_.latent_to_g));
  loss.add(loss::latent_cost(code.mean, code.logits, portion.noise.z), loss_.scale,
           &loss::Loss::latent);
}

loss::Loss Step::autoencoder_loss(const Portion& portion) {
  model::Nets& nets = state_.nets;
  begin(*nets.encoder, portion);
  begin(*nets.generator, portion);
  const core::Batch& batch = portion.batch;
  const at::Tensor made =
      nets.generator->forward(nets.encoder->forward(batch.images).mean, batch.labels);
  loss::Loss loss;
  loss.add(loss::reconstruction_cost(loss_.reconstruction, shrink(batch.images, model_.resolution),
                                     made),
           loss_.scale, &loss::Loss::reconstruction);
  return loss;
}

void Step::update_networks() {
  update(state_.g, *state_.nets.generator);
  if (state_.e) update(*state_.e, *state_.nets.encoder);
}

void Step::update(Trained& trained, const nn::Network& network) {
  {
    RECORD_USER_SCOPE("exchange");
    trained.exchange.finish();
  }
  RECORD_USER_SCOPE("optimizer");
  if (train_.clip_norm > 0 || trained.exchange.is_sharded()) {
    trained.gradient_norm = trained.exchange.norm();
  } else {
    trained.gradient_norm = trained.arena.gradients().norm();
  }
  if (train_.clip_norm > 0) {
    trained.arena.gradients().mul_(
        (train_.clip_norm / (trained.gradient_norm + kClipEps)).clamp_max(1));
  }
  // After the exchange: what follows is the same on every rank, to the last bit.
  if (train_.orthogonal > 0 && &trained == &state_.g) add_orthogonal_gradients(network);
  if (train_.weight_decay > 0) {
    const at::NoGradGuard no_grad;
    for (const at::Tensor& weight : network.store().decayed()) {
      weight.grad().add_(weight, train_.weight_decay);
    }
  }
  trained.step();
}

// The ranks take turns at the weights and send what they find: processors of different make round
// products of matrices otherwise.
void Step::add_orthogonal_gradients(const nn::Network& network) {
  comm::Communicator& ranks = state_.communicator();
  int turn = 0;
  for (const auto& [name, weight] : network.store().parameters()) {
    if (weight.dim() < 2 || name == "class_embedding.weight") continue;  // docs/choices.md 50
    const int maker = turn++ % ranks.size();
    at::Tensor direction = ranks.rank() == maker ? loss::orthogonal_direction(weight)
                                                 : at::empty(weight.sizes(), weight.options());
    if (ranks.size() > 1) ranks.broadcast(direction, maker);
    loss::add_orthogonal_gradient(weight, direction, train_.orthogonal);
  }
}

loss::Loss Step::make_discriminator_update(const core::Batch& batch, const Noise& noise) {
  RECORD_USER_SCOPE("update of D");
  model::Nets& nets = state_.nets;
  state_.d->arena.zero_gradients();
  std::vector<loss::Loss> losses;
  for (const Portion& portion : portions(batch, noise)) {
    at::Tensor generated, code;
    {
      // G and E run in training mode, so their statistics and power iterations move here too
      // (docs/choices.md 43).
      const at::NoGradGuard no_grad;
      begin(*nets.generator, portion);
      generated = nets.generator->forward(portion.noise.z, portion.noise.labels);
      if (pairs_codes_) {
        begin(*nets.encoder, portion);
        code = nets.encoder->forward(portion.batch.images).sample(portion.noise.epsilon);
      }
    }
    begin(*nets.discriminator, portion);
    losses.push_back(discriminator_loss(score(portion.batch, code, generated, portion.noise)));
    if (portion.is_last) state_.d->exchange.begin();
    backward(losses.back());
    losses.back().total = losses.back().total.detach();
  }
  update(*state_.d, *nets.discriminator);
  return loss::mean(losses);
}

loss::Loss Step::adversarial_loss(const Portion& portion) {
  model::Nets& nets = state_.nets;
  model::Discriminator& discriminator = *nets.discriminator;
  const core::Batch& batch = portion.batch;
  const Noise& noise = portion.noise;
  begin(discriminator, portion);
  begin(*nets.generator, portion);
  const at::Tensor generated = nets.generator->forward(noise.z, noise.labels);
  Pairs pairs;
  if (pairs_codes_) {
    begin(*nets.encoder, portion);
    const at::Tensor code = nets.encoder->forward(batch.images).sample(noise.epsilon);
    at::Tensor real_features, prior_features;
    {
      // Neither depends on G or E, so no gradient passes (docs/choices.md 46).
      const at::NoGradGuard no_grad;
      real_features = discriminator.image_features(shown_real(batch, noise));
      prior_features = discriminator.code_features(noise.z);
    }
    pairs.encoder = discriminator.scores(real_features, discriminator.code_features(code),
                                         model_.is_conditional() ? batch.labels : at::Tensor());
    pairs.generator =
        discriminator.scores(discriminator.image_features(shown_generated(generated, noise)),
                             prior_features, noise.labels);
  } else {
    pairs.generator = discriminator.forward(shown_generated(generated, noise), {}, noise.labels);
  }
  loss::Loss loss = generator_encoder_loss(pairs);
  if (model_.is_latent_regressor()) add_latent_loss(generated, portion, loss);
  return loss;
}

loss::Loss Step::make_generator_encoder_update(const core::Batch& batch, const Noise& noise) {
  RECORD_USER_SCOPE("update of G and E");
  model::Discriminator* discriminator = state_.nets.discriminator.get();
  if (discriminator != nullptr) discriminator->set_requires_grad(false);
  state_.g.arena.zero_gradients();
  if (state_.e) state_.e->arena.zero_gradients();
  std::vector<loss::Loss> losses;
  for (const Portion& portion : portions(batch, noise)) {
    losses.push_back(discriminator != nullptr ? adversarial_loss(portion)
                                              : autoencoder_loss(portion));
    if (portion.is_last) begin_exchange();
    backward(losses.back());
    losses.back().total = losses.back().total.detach();
  }
  if (discriminator != nullptr) discriminator->set_requires_grad(true);
  update_networks();
  return loss::mean(losses);
}

void Step::begin_exchange() {
  state_.g.exchange.begin();
  if (state_.e) state_.e->exchange.begin();
}

Step::Losses Step::make_joint_update(const core::Batch& batch, const Noise& noise) {
  model::Nets& nets = state_.nets;
  RECORD_USER_SCOPE("update of D, G and E");
  // Each loss reaches the parameters that it trains, and no others.
  const std::vector<at::Tensor> of_d = nets.discriminator->parameter_tensors();
  std::vector<at::Tensor> of_ge = nets.generator->parameter_tensors();
  state_.d->arena.zero_gradients();
  state_.g.arena.zero_gradients();
  if (state_.e) {
    const std::vector<at::Tensor> of_e = nets.encoder->parameter_tensors();
    of_ge.insert(of_ge.end(), of_e.begin(), of_e.end());
    state_.e->arena.zero_gradients();
  }
  std::vector<loss::Loss> losses_d, losses_ge;
  for (const Portion& portion : portions(batch, noise)) {
    begin(*nets.generator, portion);
    const at::Tensor generated = nets.generator->forward(portion.noise.z, portion.noise.labels);
    at::Tensor code;
    if (pairs_codes_) {
      begin(*nets.encoder, portion);
      code = nets.encoder->forward(portion.batch.images).sample(portion.noise.epsilon);
    }
    begin(*nets.discriminator, portion);
    const Pairs pairs = score(portion.batch, code, generated, portion.noise);
    loss::Loss loss_d = discriminator_loss(pairs), loss_ge = generator_encoder_loss(pairs);
    if (model_.is_latent_regressor()) add_latent_loss(generated, portion, loss_ge);
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
  update(*state_.d, *nets.discriminator);
  update_networks();
  return {loss::mean(losses_d), loss::mean(losses_ge)};
}

}  // namespace bbg::train
