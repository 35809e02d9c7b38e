// train.clip-norm against torch.nn.utils.clip_grad_norm_'s closed form, network by network.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"
#include "train/step.h"

namespace bbg::train {
namespace {

struct Gradients {
  at::Tensor d, g, e;             // after updates with rates of zero
  double norm_d, norm_g, norm_e;  // as reported
  at::Tensor d_values;
};

Gradients clipped_gradients(double clip_norm, double weight_decay = 0) {
  model::ModelOptions model;
  model.block = model::Block::kStrided;
  model.resolution = 16;
  model.width = model.e_width = 2;
  model.z_dim = 5;
  model.h_width = model.j_width = model.e_head_width = 4;
  TrainOptions options;
  options.clip_norm = clip_norm;
  options.weight_decay = weight_decay;
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  TrainState state(model, options, {communicator, cpu, at::kDouble}, 1);
  Step step(state, model, options, {});
  const core::Batch batch{
      .images = at::sin(at::arange(4 * 3 * 16 * 16, at::kDouble) * 0.37).view({4, 3, 16, 16}),
      .labels = at::full({4}, -1, at::kLong),
      .sample_ids = {}};
  step.update_discriminator(batch, make_noise(1, 0, {0, 4}, model, at::kDouble), 0);
  step.update_generator_encoder(batch, make_noise(1, 1, {0, 4}, model, at::kDouble), 0, 0);
  return {.d = state.d->arena.gradients().clone(),
          .g = state.g.arena.gradients().clone(),
          .e = state.e->arena.gradients().clone(),
          .norm_d = state.d->gradient_norm.item<double>(),
          .norm_g = state.g.gradient_norm.item<double>(),
          .norm_e = state.e->gradient_norm.item<double>(),
          .d_values = state.d->arena.values().clone()};
}

double length(const at::Tensor& gradient) { return gradient.norm().item<double>(); }

TEST(GradientClip, ScalesEachNetworksGradientToTheNormByItself) {
  const Gradients free = clipped_gradients(0);
  EXPECT_DOUBLE_EQ(free.norm_d, length(free.d));
  EXPECT_DOUBLE_EQ(free.norm_g, length(free.g));
  EXPECT_DOUBLE_EQ(free.norm_e, length(free.e));
  // Between the norms: some are clipped, some are not.
  const std::vector<double> norms = {free.norm_d, free.norm_g, free.norm_e};
  const double low = *std::min_element(norms.begin(), norms.end());
  const double high = *std::max_element(norms.begin(), norms.end());
  ASSERT_LT(low, high);
  const double limit = (low + high) / 2;
  const Gradients clipped = clipped_gradients(limit);
  const auto expect = [&](const at::Tensor& found, const at::Tensor& before, double reported) {
    // The reported norm is that before clipping.
    EXPECT_DOUBLE_EQ(reported, length(before));
    if (length(before) < limit) {
      EXPECT_TRUE(at::equal(found, before));
    } else {
      EXPECT_TRUE(at::allclose(found, before * (limit / (length(before) + 1e-6)), 1e-14, 0));
      EXPECT_NEAR(length(found), limit, 2e-6);
    }
  };
  expect(clipped.d, free.d, clipped.norm_d);
  expect(clipped.g, free.g, clipped.norm_g);
  expect(clipped.e, free.e, clipped.norm_e);
}

TEST(GradientClip, LeavesWhatRegularisationAdds) {
  constexpr double kDecay = 0.25, kLimit = 1e-3;
  const Gradients clipped = clipped_gradients(kLimit), decayed = clipped_gradients(kLimit, kDecay);
  const at::Tensor added = decayed.d - clipped.d;
  const at::Tensor is_decayed = added.ne(0);
  EXPECT_TRUE(at::allclose(added.masked_select(is_decayed),
                           (decayed.d_values * kDecay).masked_select(is_decayed), 1e-10, 1e-13));
  EXPECT_GT(length(added), kLimit);
  EXPECT_DOUBLE_EQ(decayed.norm_d, clipped.norm_d);
}

}  // namespace
}  // namespace bbg::train
