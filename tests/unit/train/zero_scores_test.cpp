// The losses of whole systems whose D says zero to everything.
#include <gtest/gtest.h>

#include <cmath>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"
#include "train/step.h"

namespace bbg::train {
namespace {

struct Losses {
  double d, ge;
};

// Losses of one update each. Strided networks without spectral norm, under which weights of zero
// are 0/0 (docs/choices.md C3).
Losses losses_at_zero_scores(model::System system, model::TermChoice terms, loss::Kind kind) {
  model::ModelOptions model;
  model.system = system;
  model.terms = terms;
  model.block = model::Block::kStrided;
  model.d_norm = model::DNorm::kNone;
  model.resolution = 16;
  model.width = model.e_width = 2;
  model.z_dim = 5;
  model.h_width = model.j_width = model.e_head_width = 4;
  model.check();
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  TrainState state(model, {}, {communicator, cpu, at::kDouble}, 1);
  {
    const at::NoGradGuard no_grad;
    for (const auto& parameter : state.nets.discriminator->store().parameters()) {
      if (parameter.name.rfind("score_", 0) == 0) at::Tensor(parameter.tensor).zero_();
    }
  }
  loss::LossOptions loss;
  loss.kind = kind;
  Step step(state, model, {}, loss);
  const at::Tensor index = at::arange(4 * 3 * 16 * 16, at::kDouble);
  const core::Batch batch{.images = at::sin(index * 0.37).view({4, 3, 16, 16}),
                          .labels = at::full({4}, -1, at::kLong),
                          .sample_ids = {}};
  const Noise noise = make_noise(1, 0, {0, 4}, model, at::kDouble);
  // Rates of zero leave the scores where they are.
  return {step.update_discriminator(batch, noise, 0).total.item<double>(),
          step.update_generator_encoder(batch, noise, 0, 0).total.item<double>()};
}

TEST(ZeroScores, CostTwoPerHingeTermAndTwoLnTwoPerLogisticTermInEverySystem) {
  using model::System, model::TermChoice;
  struct Choice {
    System system;
    TermChoice terms;
    int count;
  };
  for (const auto& [system, terms, count] :
       {Choice{System::kGan, TermChoice::kAuto, 1}, Choice{System::kBigGan, TermChoice::kAuto, 1},
        Choice{System::kBiGan, TermChoice::kAuto, 1},
        Choice{System::kBigBiGan, TermChoice::kAuto, 3},
        Choice{System::kBigBiGan, TermChoice::kXAndXz, 2},
        Choice{System::kBigBiGan, TermChoice::kZAndXz, 2},
        Choice{System::kBigBiGan, TermChoice::kXz, 1}}) {
    SCOPED_TRACE(core::word_of(model::kSystems, system) + " " +
                 core::word_of(model::kTermChoices, terms));
    const Losses hinge = losses_at_zero_scores(system, terms, loss::Kind::kHinge);
    EXPECT_EQ(hinge.d, 2 * count);
    EXPECT_EQ(hinge.ge, 0);
    const Losses logistic = losses_at_zero_scores(system, terms, loss::Kind::kLogistic);
    EXPECT_NEAR(logistic.d, 2 * count * std::log(2.0), 1e-14);
    // Without E the real half of G's loss, which has no gradient, is left out.
    const int halves = system == System::kGan || system == System::kBigGan ? 1 : 2;
    EXPECT_NEAR(logistic.ge, halves * count * std::log(2.0), 1e-14);
  }
}

}  // namespace
}  // namespace bbg::train
