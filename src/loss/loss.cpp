#include "loss/loss.h"

#include <numbers>

#include "core/error.h"

namespace bbg::loss {

namespace {

// The two parts of one term: what encoder pairs and what generator pairs give.
struct Term {
  at::Tensor (*encoder)(const at::Tensor& scores);
  at::Tensor (*generator)(const at::Tensor& scores);
};

constexpr Term kHingeDiscriminator = {[](const at::Tensor& s) { return at::relu(1 - s).mean(); },
                                      [](const at::Tensor& s) { return at::relu(1 + s).mean(); }};
constexpr Term kHingeGeneratorEncoder = {[](const at::Tensor& s) { return s.mean(); },
                                         [](const at::Tensor& s) { return -s.mean(); }};
constexpr Term kLogisticDiscriminator = {
    [](const at::Tensor& s) { return at::softplus(-s).mean(); },
    [](const at::Tensor& s) { return at::softplus(s).mean(); }};
// Labels swapped.
constexpr Term kLogisticGeneratorEncoder = {kLogisticDiscriminator.generator,
                                            kLogisticDiscriminator.encoder};

Loss join_terms(const Term& term, const core::Scores& encoder, const core::Scores& generator,
                Form form, double scale) {
  Loss loss;
  int count = 0;
  const auto add = [&](const at::Tensor& e, const at::Tensor& g, at::Tensor Loss::*kept) {
    if (!g.defined()) return;
    loss.add(e.defined() ? term.encoder(e) + term.generator(g) : term.generator(g), scale, kept);
    ++count;
  };
  add(encoder.x, generator.x, &Loss::x);
  add(encoder.z, generator.z, &Loss::z);
  add(encoder.xz, generator.xz, &Loss::xz);
  BBG_CHECK(count > 0, "a loss needs at least one score");
  if (form == Form::kMean) loss.total = loss.total / count;
  return loss;
}

bool are_of_same_terms(const core::Scores& a, const core::Scores& b) {
  return a.x.defined() == b.x.defined() && a.z.defined() == b.z.defined() &&
         a.xz.defined() == b.xz.defined();
}

}  // namespace

void LossOptions::declare(core::OptionTable& table) {
  table.add("loss.kind", &kind, {{"hinge", Kind::kHinge}, {"logistic", Kind::kLogistic}},
            "Loss on each score: hinge (the papers'), or logistic (BiGAN's)");
  table.add("loss.form", &form, {{"sum", Form::kSum}, {"mean", Form::kMean}},
            "How the terms of BigBiGAN are put together; with Adam the two differ by its epsilon "
            "only");
  table
      .add("loss.scale", &scale,
           "Factor on the losses; BiGAN's 0.5 makes them the mean of its two kinds of pairs")
      .above(0);
  table
      .add("loss.latent-to-g", &latent_to_g,
           "Weight in G's loss of the error of a latent regressor's E: 0 leaves G a GAN's, 0.25 is "
           "BiGAN's joint latent regressor (with 1 it degenerated)")
      .at_least(0);
  table.add("loss.reconstruction", &reconstruction,
            {{"l2", Distance::kSquared}, {"l1", Distance::kAbsolute}},
            "Loss of an autoencoder: squared (l2) or absolute (l1) difference of x and G(E(x))");
}

void Loss::add(const at::Tensor& cost, double scale, at::Tensor Loss::*term) {
  const at::Tensor value = cost * scale;
  this->*term = value.detach();
  total = total.defined() ? total + value : value;
}

Loss mean(const std::vector<Loss>& portions) {
  BBG_CHECK(!portions.empty(), "the mean of no loss");
  Loss mean;
  for (const auto term :
       {&Loss::total, &Loss::x, &Loss::z, &Loss::xz, &Loss::latent, &Loss::reconstruction}) {
    if (!(portions[0].*term).defined()) continue;
    std::vector<at::Tensor> values;
    for (const Loss& portion : portions) values.push_back((portion.*term).detach());
    mean.*term = values.size() == 1 ? values[0] : at::stack(values).mean();
  }
  return mean;
}

double LossOptions::discriminator_at_chance() const {
  const double of_one_kind = kind == Kind::kHinge ? 1 : std::numbers::ln2;
  return 2 * of_one_kind * scale;
}

Loss discriminator_loss(Kind kind, const core::Scores& encoder_pairs,
                        const core::Scores& generator_pairs, Form form, double scale) {
  BBG_CHECK(are_of_same_terms(encoder_pairs, generator_pairs),
            "a term needs scores of both kinds of pairs");
  return join_terms(kind == Kind::kHinge ? kHingeDiscriminator : kLogisticDiscriminator,
                    encoder_pairs, generator_pairs, form, scale);
}

Loss generator_encoder_loss(Kind kind, const core::Scores& encoder_pairs,
                            const core::Scores& generator_pairs, Form form, double scale) {
  const core::Scores none;
  BBG_CHECK(
      are_of_same_terms(encoder_pairs, generator_pairs) || are_of_same_terms(encoder_pairs, none),
      "a term needs scores of both kinds of pairs");
  return join_terms(kind == Kind::kHinge ? kHingeGeneratorEncoder : kLogisticGeneratorEncoder,
                    encoder_pairs, generator_pairs, form, scale);
}

}  // namespace bbg::loss
