#include "train/passes.h"

#include <ATen/core/grad_mode.h>

#include "loss/regression.h"
#include "train/shrink.h"

namespace bbg::train {

namespace {

core::Scores rows(const core::Scores& scores, int64_t first, int64_t count) {
  const auto part = [&](const at::Tensor& all) {
    return all.defined() ? all.narrow(0, first, count) : all;
  };
  return {.x = part(scores.x), .z = part(scores.z), .xz = part(scores.xz)};
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

Passes::Passes(model::Nets& nets, const model::ModelOptions& model, const TrainOptions& train,
               const loss::LossOptions& loss)
    : nets_(nets),
      model_(model),
      loss_(loss),
      augment_(parse_augment_policy(train.augment)),
      pairs_codes_(model.active_terms().read_code()) {}

loss::Loss Passes::discriminator_loss(const Portion& portion) {
  Made made;
  {
    // G and E run in training mode, so their statistics and power iterations move here too
    // (docs/choices.md 43).
    const at::NoGradGuard no_grad;
    made = make(portion);
  }
  begin(*nets_.discriminator, portion);
  return loss_of_d(score(made, portion));
}

loss::Loss Passes::generator_encoder_loss(const Portion& portion) {
  if (!nets_.discriminator) return autoencoder_loss(portion);
  begin(*nets_.discriminator, portion);
  const Made made = make(portion);
  return loss_of_makers(score_for_makers(made, portion), made.images, portion);
}

std::pair<loss::Loss, loss::Loss> Passes::both_losses(const Portion& portion) {
  const Made made = make(portion);
  begin(*nets_.discriminator, portion);
  const Pairs pairs = score(made, portion);
  loss::Loss of_d = loss_of_d(pairs);
  return {std::move(of_d), loss_of_makers(pairs, made.images, portion)};
}

Passes::Made Passes::make(const Portion& portion) {
  Made made;
  begin(*nets_.generator, portion);
  made.images = nets_.generator->forward(portion.noise.z, portion.noise.labels);
  if (pairs_codes_) {
    begin(*nets_.encoder, portion);
    made.codes = nets_.encoder->forward(portion.batch.images).sample(portion.noise.epsilon);
  }
  return made;
}

at::Tensor Passes::shown_real(const Portion& portion) const {
  const at::Tensor images = shrink(portion.batch.images, model_.resolution);
  if (augment_.is_empty()) return images;
  return augmented(images, augment_, portion.noise.augment.select(1, 0));
}

at::Tensor Passes::shown_made(const at::Tensor& made, const Portion& portion) const {
  if (augment_.is_empty()) return made;
  return augmented(made, augment_, portion.noise.augment.select(1, 1));
}

at::Tensor Passes::real_labels(const Portion& portion) const {
  return model_.is_conditional() ? portion.batch.labels : at::Tensor();
}

Passes::Pairs Passes::score(const Made& made, const Portion& portion) {
  model::Discriminator& discriminator = *nets_.discriminator;
  const at::Tensor real = shown_real(portion), shown = shown_made(made.images, portion);
  const at::Tensor labels = real_labels(portion);
  const Noise& noise = portion.noise;
  if (!discriminator.may_mix_halves()) {
    Pairs pairs;
    pairs.encoder = discriminator.forward(real, made.codes, labels);
    pairs.generator = discriminator.forward(shown, noise.z, noise.labels);
    return pairs;
  }
  const int64_t n = real.size(0);
  const core::Scores both = discriminator.forward(at::cat({real, shown}), join(made.codes, noise.z),
                                                  join(labels, noise.labels));
  return {.encoder = rows(both, 0, n), .generator = rows(both, n, n)};
}

Passes::Pairs Passes::score_for_makers(const Made& made, const Portion& portion) {
  model::Discriminator& discriminator = *nets_.discriminator;
  const Noise& noise = portion.noise;
  Pairs pairs;
  if (!pairs_codes_) {
    pairs.generator = discriminator.forward(shown_made(made.images, portion), {}, noise.labels);
    return pairs;
  }
  at::Tensor real_features, prior_features;
  {
    // Neither depends on G or E, so no gradient passes (docs/choices.md 46).
    const at::NoGradGuard no_grad;
    real_features = discriminator.image_features(shown_real(portion));
    prior_features = discriminator.code_features(noise.z);
  }
  pairs.encoder = discriminator.scores(real_features, discriminator.code_features(made.codes),
                                       real_labels(portion));
  pairs.generator = discriminator.scores(
      discriminator.image_features(shown_made(made.images, portion)), prior_features, noise.labels);
  return pairs;
}

loss::Loss Passes::loss_of_d(const Pairs& pairs) const {
  return loss::discriminator_loss(loss_.kind, pairs.encoder, pairs.generator, loss_.form,
                                  loss_.scale);
}

loss::Loss Passes::loss_of_makers(const Pairs& pairs, const at::Tensor& made,
                                  const Portion& portion) {
  // Without codes nothing in the scores of real images depends on G or E.
  const core::Scores encoder = pairs_codes_ ? pairs.encoder : core::Scores();
  loss::Loss loss =
      loss::generator_encoder_loss(loss_.kind, encoder, pairs.generator, loss_.form, loss_.scale);
  if (model_.is_latent_regressor()) add_latent_loss(made, portion, loss);
  return loss;
}

void Passes::add_latent_loss(const at::Tensor& made, const Portion& portion, loss::Loss& loss) {
  model::Encoder& encoder = *nets_.encoder;
  begin(encoder, portion);
  const model::Code code = encoder.forward(pass_gradient(made, loss_.latent_to_g));
  loss.add(loss::latent_cost(code.mean, code.logits, portion.noise.z), loss_.scale,
           &loss::Loss::latent);
}

loss::Loss Passes::autoencoder_loss(const Portion& portion) {
  begin(*nets_.encoder, portion);
  begin(*nets_.generator, portion);
  const core::Batch& batch = portion.batch;
  const at::Tensor made =
      nets_.generator->forward(nets_.encoder->forward(batch.images).mean, batch.labels);
  const at::Tensor real = shrink(batch.images, model_.resolution);
  loss::Loss loss;
  loss.add(loss::reconstruction_cost(loss_.reconstruction, real, made), loss_.scale,
           &loss::Loss::reconstruction);
  return loss;
}

}  // namespace bbg::train
