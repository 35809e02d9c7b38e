#include "train/step.h"

#include <ATen/core/grad_mode.h>

#include <span>

#include "core/rng.h"

namespace bbg::train {

namespace {

at::Tensor normal_rows(uint64_t seed, core::Purpose purpose, int64_t draw, int64_t first_slot,
                       int64_t count, int64_t z_dim, at::TensorOptions tensor_options) {
  at::Tensor rows = at::empty({count, z_dim}, at::kDouble);
  double* data = rows.data_ptr<double>();
  for (int64_t i = 0; i < count; ++i) {
    core::RandomStream stream(seed, purpose, static_cast<uint64_t>(draw),
                              static_cast<uint64_t>(first_slot + i));
    stream.fill_normal(std::span(data + i * z_dim, static_cast<size_t>(z_dim)));
  }
  return rows.to(tensor_options);
}

core::Scores half(const core::Scores& scores, int64_t first, int64_t count) {
  return {.x = scores.x.narrow(0, first, count),
          .z = scores.z.narrow(0, first, count),
          .xz = scores.xz.narrow(0, first, count)};
}

}  // namespace

Noise make_noise(uint64_t seed, int64_t draw, int64_t first_slot, int64_t count, int64_t z_dim,
                 at::TensorOptions tensor_options) {
  return {
      .z = normal_rows(seed, core::Purpose::kPrior, draw, first_slot, count, z_dim, tensor_options),
      .epsilon = normal_rows(seed, core::Purpose::kEncoder, draw, first_slot, count, z_dim,
                             tensor_options)};
}

Step::Step(TrainState& state, loss::Kind kind) : state_(state), kind_(kind) {}

loss::Loss Step::update_discriminator(const at::Tensor& images, const Noise& noise, double lr_d) {
  model::Nets& nets = state_.nets;
  model::Discriminator& discriminator = *nets.discriminator;
  at::Tensor generated, code;
  {
    // G and E run in training mode, so their statistics and power iterations move here too
    // (docs/choices.md 43).
    const at::NoGradGuard no_grad;
    nets.generator->begin_substep();
    nets.encoder->begin_substep();
    generated = nets.generator->forward(noise.z);
    code = nets.encoder->forward(images).sample(noise.epsilon);
  }
  discriminator.begin_substep();
  core::Scores encoder_pairs, generator_pairs;
  if (discriminator.may_mix_halves()) {
    const int64_t n = images.size(0);
    const core::Scores both =
        discriminator.forward(at::cat({images, generated}), at::cat({code, noise.z}));
    encoder_pairs = half(both, 0, n);
    generator_pairs = half(both, n, n);
  } else {
    encoder_pairs = discriminator.forward(images, code);
    generator_pairs = discriminator.forward(generated, noise.z);
  }
  const loss::Loss loss = loss::discriminator_loss(kind_, encoder_pairs, generator_pairs);
  state_.arena_d.zero_gradients();
  loss.total.backward();
  state_.exchange_d.finish();
  state_.adam_d.step(lr_d);
  return loss;
}

loss::Loss Step::update_generator_encoder(const at::Tensor& images, const Noise& noise, double lr_g,
                                          double lr_e) {
  model::Nets& nets = state_.nets;
  model::Discriminator& discriminator = *nets.discriminator;
  discriminator.set_requires_grad(false);
  discriminator.begin_substep();
  nets.generator->begin_substep();
  nets.encoder->begin_substep();
  const at::Tensor generated = nets.generator->forward(noise.z);
  const at::Tensor code = nets.encoder->forward(images).sample(noise.epsilon);
  at::Tensor real_features, prior_features;
  {
    // Neither depends on G or E, so no gradient passes (docs/choices.md 46).
    const at::NoGradGuard no_grad;
    real_features = discriminator.image_features(images);
    prior_features = discriminator.code_features(noise.z);
  }
  const core::Scores encoder_pairs =
      discriminator.scores(real_features, discriminator.code_features(code));
  const core::Scores generator_pairs =
      discriminator.scores(discriminator.image_features(generated), prior_features);
  const loss::Loss loss = loss::generator_encoder_loss(kind_, encoder_pairs, generator_pairs);
  state_.arena_g.zero_gradients();
  state_.arena_e.zero_gradients();
  loss.total.backward();
  discriminator.set_requires_grad(true);
  state_.exchange_g.finish();
  state_.exchange_e.finish();
  state_.adam_g.step(lr_g);
  state_.adam_e.step(lr_e);
  return loss;
}

}  // namespace bbg::train
