#include "loss/loss.h"

#include "core/error.h"

namespace bbg::loss {

namespace {

// One term from its scores of encoder and generator pairs.
using Term = at::Tensor (*)(const at::Tensor& encoder, const at::Tensor& generator);

at::Tensor hinge_discriminator(const at::Tensor& encoder, const at::Tensor& generator) {
  return at::relu(1 - encoder).mean() + at::relu(1 + generator).mean();
}
at::Tensor hinge_generator_encoder(const at::Tensor& encoder, const at::Tensor& generator) {
  return encoder.mean() - generator.mean();
}
at::Tensor logistic_discriminator(const at::Tensor& encoder, const at::Tensor& generator) {
  return at::softplus(-encoder).mean() + at::softplus(generator).mean();
}
at::Tensor logistic_generator_encoder(const at::Tensor& encoder, const at::Tensor& generator) {
  return at::softplus(encoder).mean() + at::softplus(-generator).mean();
}

Loss sum_of_terms(Term term, const core::Scores& encoder, const core::Scores& generator) {
  Loss loss;
  const auto add = [&](const at::Tensor& e, const at::Tensor& g, at::Tensor& kept) {
    BBG_CHECK(e.defined() == g.defined(), "a term needs scores of both kinds of pairs");
    if (!e.defined()) return;
    const at::Tensor value = term(e, g);
    kept = value.detach();
    loss.total = loss.total.defined() ? loss.total + value : value;
  };
  add(encoder.x, generator.x, loss.x);
  add(encoder.z, generator.z, loss.z);
  add(encoder.xz, generator.xz, loss.xz);
  BBG_CHECK(loss.total.defined(), "a loss needs at least one score");
  return loss;
}

}  // namespace

void LossOptions::declare(core::OptionTable& table) {
  table.add("loss.kind", &kind, "Loss on each score: hinge (the papers'), or logistic (BiGAN's)")
      .one_of({"hinge", "logistic"});
}

Kind LossOptions::parsed_kind() const {
  return kind == "logistic" ? Kind::kLogistic : Kind::kHinge;
}

Loss discriminator_loss(Kind kind, const core::Scores& encoder_pairs,
                        const core::Scores& generator_pairs) {
  return sum_of_terms(kind == Kind::kHinge ? hinge_discriminator : logistic_discriminator,
                      encoder_pairs, generator_pairs);
}

Loss generator_encoder_loss(Kind kind, const core::Scores& encoder_pairs,
                            const core::Scores& generator_pairs) {
  return sum_of_terms(kind == Kind::kHinge ? hinge_generator_encoder : logistic_generator_encoder,
                      encoder_pairs, generator_pairs);
}

}  // namespace bbg::loss
