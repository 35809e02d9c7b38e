#include "train/step.h"

#include <ATen/core/grad_mode.h>

#include <span>

#include "core/rng.h"
#include "loss/orthogonal.h"

namespace bbg::train {

namespace {

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
void fill_uniform(core::RandomStream& stream, std::span<double> row) {
  for (double& value : row) value = 2 * stream.next_uniform() - 1;
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

void update(Trained& trained, double learning_rate) {
  trained.exchange.finish();
  trained.adam.step(learning_rate);
}

}  // namespace

Noise make_noise(uint64_t seed, int64_t draw, int64_t first_slot, int64_t count,
                 const model::ModelOptions& options, at::TensorOptions tensor_options) {
  const bool is_uniform = options.prior == "uniform";
  Noise noise;
  noise.z = rows(seed, core::Purpose::kPrior, draw, first_slot, count, options.z_dim,
                 is_uniform ? fill_uniform : fill_normal)
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
  return noise;
}

at::Tensor shrink(const at::Tensor& images, int64_t size) {
  const int64_t factor = images.size(-1) / size;
  return factor == 1 ? images : at::avg_pool2d(images, factor);
}

Step::Step(TrainState& state, const model::ModelOptions& model, const TrainOptions& train,
           const loss::LossOptions& loss)
    : state_(state),
      model_(model),
      train_(train),
      loss_(loss),
      reads_real_features_(model.active_terms().xz) {}

loss::Loss Step::update_discriminator(const core::Batch& batch, const Noise& noise, double lr_d) {
  model::Nets& nets = state_.nets;
  model::Discriminator& discriminator = *nets.discriminator;
  const at::Tensor real = shrink(batch.images, model_.resolution);
  const at::Tensor labels = model_.is_conditional() ? batch.labels : at::Tensor();
  at::Tensor generated, code;
  {
    // G and E run in training mode, so their statistics and power iterations move here too
    // (docs/choices.md 43).
    const at::NoGradGuard no_grad;
    nets.generator->begin_substep();
    generated = nets.generator->forward(noise.z, noise.labels);
    if (nets.encoder) {
      nets.encoder->begin_substep();
      code = nets.encoder->forward(batch.images).sample(noise.epsilon);
    }
  }
  discriminator.begin_substep();
  core::Scores encoder_pairs, generator_pairs;
  if (discriminator.may_mix_halves()) {
    const int64_t n = real.size(0);
    const core::Scores both = discriminator.forward(at::cat({real, generated}), join(code, noise.z),
                                                    join(labels, noise.labels));
    encoder_pairs = half(both, 0, n);
    generator_pairs = half(both, n, n);
  } else {
    encoder_pairs = discriminator.forward(real, code, labels);
    generator_pairs = discriminator.forward(generated, noise.z, noise.labels);
  }
  const loss::Loss loss = loss::discriminator_loss(loss_.parsed_kind(), encoder_pairs,
                                                   generator_pairs, loss_.parsed_form());
  state_.d.arena.zero_gradients();
  loss.total.backward();
  update(state_.d, lr_d);
  return loss;
}

loss::Loss Step::update_generator_encoder(const core::Batch& batch, const Noise& noise, double lr_g,
                                          double lr_e) {
  model::Nets& nets = state_.nets;
  model::Discriminator& discriminator = *nets.discriminator;
  discriminator.set_requires_grad(false);
  discriminator.begin_substep();
  nets.generator->begin_substep();
  const at::Tensor generated = nets.generator->forward(noise.z, noise.labels);
  core::Scores encoder_pairs, generator_pairs;
  if (nets.encoder) {
    nets.encoder->begin_substep();
    const at::Tensor code = nets.encoder->forward(batch.images).sample(noise.epsilon);
    at::Tensor real_features, prior_features;
    {
      // Neither depends on G or E, so no gradient passes (docs/choices.md 46).
      const at::NoGradGuard no_grad;
      if (reads_real_features_ || model_.active_terms().x) {
        real_features = discriminator.image_features(shrink(batch.images, model_.resolution));
      }
      prior_features = discriminator.code_features(noise.z);
    }
    encoder_pairs = discriminator.scores(real_features, discriminator.code_features(code),
                                         model_.is_conditional() ? batch.labels : at::Tensor());
    generator_pairs =
        discriminator.scores(discriminator.image_features(generated), prior_features, noise.labels);
  } else {
    generator_pairs = discriminator.forward(generated, {}, noise.labels);
  }
  const loss::Loss loss = loss::generator_encoder_loss(loss_.parsed_kind(), encoder_pairs,
                                                       generator_pairs, loss_.parsed_form());
  state_.g.arena.zero_gradients();
  if (state_.e) state_.e->arena.zero_gradients();
  loss.total.backward();
  discriminator.set_requires_grad(true);
  state_.g.exchange.finish();
  if (train_.orthogonal > 0) {
    // After the exchange: it is the same on every rank.
    for (const auto& parameter : nets.generator->store().parameters()) {
      if (parameter.name == "class_embedding.weight") continue;  // docs/choices.md 50
      loss::add_orthogonal_gradient(parameter.tensor, train_.orthogonal);
    }
  }
  state_.g.adam.step(lr_g);
  if (state_.e) update(*state_.e, lr_e);
  return loss;
}

}  // namespace bbg::train
