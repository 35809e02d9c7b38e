#include "train/step.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <cmath>
#include <span>

#include "core/rng.h"
#include "loss/orthogonal.h"
#include "loss/regression.h"

namespace bbg::train {

namespace {

constexpr double kClipEps = 1e-6;  // as torch.nn.utils.clip_grad_norm_ has it

// Rows keyed by (draw, slot), whatever the rank that makes them.
template <class Fill>
at::Tensor rows(uint64_t seed, core::Purpose purpose, int64_t draw, int64_t first_slot,
                int64_t count, int64_t length, Fill fill) {
  at::Tensor all = at::empty({count, length}, at::kDouble);
  double* data = all.data_ptr<double>();
  for (int64_t i = 0; i < count; ++i) {
    core::RandomStream stream(seed, purpose, static_cast<uint64_t>(draw),
                              static_cast<uint64_t>(first_slot + i));
    fill(stream, std::span(data + i * length, static_cast<size_t>(length)));
  }
  return all;
}

void fill_normal(core::RandomStream& stream, std::span<double> row) { stream.fill_normal(row); }
void fill_unit(core::RandomStream& stream, std::span<double> row) {
  for (double& value : row) value = stream.next_uniform();
}
void fill_uniform(core::RandomStream& stream, std::span<double> row) {
  for (double& value : row) value = 2 * stream.next_uniform() - 1;
}

// Each component that is too large takes the first of the numbers behind the row that is not.
void fill_truncated(core::RandomStream& stream, std::span<double> row,
                    const Truncation& truncation) {
  stream.fill_normal(row);
  for (double& value : row) {
    while (std::abs(value) > truncation.threshold) value = stream.next_normal();
    value *= truncation.scale;
  }
}

at::Tensor half(const at::Tensor& scores, int64_t first, int64_t count) {
  return scores.defined() ? scores.narrow(0, first, count) : scores;
}
core::Scores half(const core::Scores& scores, int64_t first, int64_t count) {
  return {.x = half(scores.x, first, count),
          .z = half(scores.z, first, count),
          .xz = half(scores.xz, first, count)};
}

at::Tensor join(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() ? at::cat({a, b}) : a;
}

void backward(const loss::Loss& loss) {
  RECORD_USER_SCOPE("backward");
  loss.total.backward();
}

// x itself, to the last bit; backward passes `share` of the gradient.
at::Tensor pass_gradient(const at::Tensor& x, double share) {
  const at::Tensor value = x.detach();
  return share == 0 ? value : value + (x - value) * share;
}

}  // namespace

Noise make_noise(uint64_t seed, int64_t draw, int64_t first_slot, int64_t count,
                 const model::ModelOptions& options, at::TensorOptions tensor_options,
                 bool is_augmenting, const Truncation& truncation) {
  Noise noise;
  noise.z = rows(seed, core::Purpose::kPrior, draw, first_slot, count, options.z_dim,
                 [&](core::RandomStream& stream, std::span<double> row) {
                   if (options.prior == "uniform") {
                     fill_uniform(stream, row);
                   } else {
                     fill_truncated(stream, row, truncation);
                   }
                 })
                .to(tensor_options);
  if (options.has_encoder() && options.e_stochastic) {
    noise.epsilon =
        rows(seed, core::Purpose::kEncoder, draw, first_slot, count, options.z_dim, fill_normal)
            .to(tensor_options);
  }
  if (options.is_conditional()) {
    const auto classes = static_cast<uint64_t>(options.num_classes);
    noise.labels = rows(seed, core::Purpose::kFakeLabel, draw, first_slot, count, 1,
                        [&](core::RandomStream& stream, std::span<double> row) {
                          row[0] = static_cast<double>(stream.next_below(classes));
                        })
                       .squeeze(1)
                       .to(tensor_options.dtype(at::kLong));
  }
  if (is_augmenting) {
    noise.augment =
        rows(seed, core::Purpose::kDiffAug, draw, first_slot, count, 2 * kAugmentNumbers, fill_unit)
            .view({count, 2, kAugmentNumbers})
            .to(tensor_options.dtype(at::kDouble));
  }
  return noise;
}

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
      pairs_codes_(model.active_terms().read_code()) {}

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
    pairs.encoder = half(both, 0, n);
    pairs.generator = half(both, n, n);
  } else {
    pairs.encoder = discriminator.forward(real, code, labels);
    pairs.generator = discriminator.forward(shown, noise.z, noise.labels);
  }
  return pairs;
}

loss::Loss Step::discriminator_loss(const Pairs& pairs) const {
  return loss::discriminator_loss(loss_.parsed_kind(), pairs.encoder, pairs.generator,
                                  loss_.parsed_form(), loss_.scale);
}

loss::Loss Step::generator_encoder_loss(const Pairs& pairs) const {
  // Without codes nothing in the scores of real images depends on what is trained here.
  return loss::generator_encoder_loss(loss_.parsed_kind(),
                                      pairs_codes_ ? pairs.encoder : core::Scores(),
                                      pairs.generator, loss_.parsed_form(), loss_.scale);
}

void Step::add_latent_loss(const at::Tensor& generated, const at::Tensor& z, loss::Loss& loss) {
  model::Encoder& encoder = *state_.nets.encoder;
  encoder.begin_substep();
  const model::Code code = encoder.forward(pass_gradient(generated, loss_.latent_to_g));
  loss.add(loss::latent_cost(code.mean, code.logits, z), loss_.scale, &loss::Loss::latent);
}

loss::Loss Step::autoencoder_loss(const core::Batch& batch) {
  model::Nets& nets = state_.nets;
  nets.encoder->begin_substep();
  nets.generator->begin_substep();
  const at::Tensor made =
      nets.generator->forward(nets.encoder->forward(batch.images).mean, batch.labels);
  loss::Loss loss;
  loss.add(loss::reconstruction_cost(loss_.reconstruction, shrink(batch.images, model_.resolution),
                                     made),
           loss_.scale, &loss::Loss::reconstruction);
  return loss;
}

void Step::update_networks(double lr_g, double lr_e) {
  update(state_.g, *state_.nets.generator, lr_g);
  if (state_.e) update(*state_.e, *state_.nets.encoder, lr_e);
}

void Step::update(Trained& trained, const model::Network& network, double learning_rate) {
  {
    RECORD_USER_SCOPE("exchange");
    trained.exchange.finish();
  }
  RECORD_USER_SCOPE("optimizer");
  if (train_.clip_norm > 0) {
    trained.gradient_norm = trained.exchange.norm();
    trained.arena.gradients().mul_(
        (train_.clip_norm / (trained.gradient_norm + kClipEps)).clamp_max(1));
  } else {
    trained.gradient_norm = trained.arena.gradients().norm();
  }
  // After the exchange: what follows is the same on every rank.
  if (train_.orthogonal > 0 && &trained == &state_.g) {
    for (const auto& parameter : network.store().parameters()) {
      if (parameter.name == "class_embedding.weight") continue;  // docs/choices.md 50
      loss::add_orthogonal_gradient(parameter.tensor, train_.orthogonal);
    }
  }
  if (train_.weight_decay > 0) {
    const at::NoGradGuard no_grad;
    for (const at::Tensor& weight : network.store().decayed()) {
      weight.grad().add_(weight, train_.weight_decay);
    }
  }
  trained.adam.step(learning_rate);
}

loss::Loss Step::update_discriminator(const core::Batch& batch, const Noise& noise, double lr_d) {
  RECORD_USER_SCOPE("update of D");
  model::Nets& nets = state_.nets;
  at::Tensor generated, code;
  {
    // G and E run in training mode, so their statistics and power iterations move here too
    // (docs/choices.md 43).
    const at::NoGradGuard no_grad;
    nets.generator->begin_substep();
    generated = nets.generator->forward(noise.z, noise.labels);
    if (pairs_codes_) {
      nets.encoder->begin_substep();
      code = nets.encoder->forward(batch.images).sample(noise.epsilon);
    }
  }
  nets.discriminator->begin_substep();
  const loss::Loss loss = discriminator_loss(score(batch, code, generated, noise));
  state_.d->arena.zero_gradients();
  backward(loss);
  update(*state_.d, *nets.discriminator, lr_d);
  return loss;
}

loss::Loss Step::adversarial_loss(const core::Batch& batch, const Noise& noise) {
  model::Nets& nets = state_.nets;
  model::Discriminator& discriminator = *nets.discriminator;
  discriminator.begin_substep();
  nets.generator->begin_substep();
  const at::Tensor generated = nets.generator->forward(noise.z, noise.labels);
  Pairs pairs;
  if (pairs_codes_) {
    nets.encoder->begin_substep();
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
  if (model_.is_latent_regressor()) add_latent_loss(generated, noise.z, loss);
  return loss;
}

loss::Loss Step::update_generator_encoder(const core::Batch& batch, const Noise& noise, double lr_g,
                                          double lr_e) {
  RECORD_USER_SCOPE("update of G and E");
  model::Discriminator* discriminator = state_.nets.discriminator.get();
  if (discriminator != nullptr) discriminator->set_requires_grad(false);
  const loss::Loss loss =
      discriminator != nullptr ? adversarial_loss(batch, noise) : autoencoder_loss(batch);
  state_.g.arena.zero_gradients();
  if (state_.e) state_.e->arena.zero_gradients();
  backward(loss);
  if (discriminator != nullptr) discriminator->set_requires_grad(true);
  update_networks(lr_g, lr_e);
  return loss;
}

std::pair<loss::Loss, loss::Loss> Step::update_together(const core::Batch& batch,
                                                        const Noise& noise, double lr_g,
                                                        double lr_e, double lr_d) {
  model::Nets& nets = state_.nets;
  if (!nets.discriminator) {
    return {loss::Loss(), update_generator_encoder(batch, noise, lr_g, lr_e)};
  }
  RECORD_USER_SCOPE("update of D, G and E");
  nets.generator->begin_substep();
  const at::Tensor generated = nets.generator->forward(noise.z, noise.labels);
  at::Tensor code;
  if (pairs_codes_) {
    nets.encoder->begin_substep();
    code = nets.encoder->forward(batch.images).sample(noise.epsilon);
  }
  nets.discriminator->begin_substep();
  const Pairs pairs = score(batch, code, generated, noise);
  const loss::Loss loss_d = discriminator_loss(pairs);
  loss::Loss loss_ge = generator_encoder_loss(pairs);
  if (model_.is_latent_regressor()) add_latent_loss(generated, noise.z, loss_ge);

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
  loss_d.total.backward({}, /*retain_graph=*/true, /*create_graph=*/false, of_d);
  loss_ge.total.backward({}, /*retain_graph=*/false, /*create_graph=*/false, of_ge);
  update(*state_.d, *nets.discriminator, lr_d);
  update_networks(lr_g, lr_e);
  return {loss_d, loss_ge};
}

}  // namespace bbg::train
