#include "loss/loss.h"

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
  const auto add = [&](const at::Tensor& e, const at::Tensor& g, at::Tensor& kept) {
    if (!g.defined()) return;
    const at::Tensor value =
        (e.defined() ? term.encoder(e) + term.generator(g) : term.generator(g)) * scale;
    kept = value.detach();
    loss.total = loss.total.defined() ? loss.total + value : value;
    ++count;
  };
  add(encoder.x, generator.x, loss.x);
  add(encoder.z, generator.z, loss.z);
  add(encoder.xz, generator.xz, loss.xz);
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
  table.add("loss.kind", &kind, "Loss on each score: hinge (the papers'), or logistic (BiGAN's)")
      .one_of({"hinge", "logistic"});
  table
      .add("loss.form", &form,
           "How the terms of BigBiGAN are put together; with Adam the two differ by its epsilon "
           "only")
      .one_of({"sum", "mean"});
  table
      .add("loss.scale", &scale,
           "Factor on the losses; BiGAN's 0.5 makes them the mean of its two kinds of pairs")
      .above(0);
}

Kind LossOptions::parsed_kind() const {
  return kind == "logistic" ? Kind::kLogistic : Kind::kHinge;
}

Form LossOptions::parsed_form() const { return form == "mean" ? Form::kMean : Form::kSum; }

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
