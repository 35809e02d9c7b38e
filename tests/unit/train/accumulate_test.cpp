// train.accumulate against its definition: the mean of the portions' gradients, each as an update
// of that portion alone has it from the same start.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"
#include "train/step.h"

namespace bbg::train {
namespace {

struct Epilogue {
  at::Tensor d, g, e;  // gradients, after updates with rates of zero
  core::StateDict state;
  double loss_d, loss_ge;
};

// Updates on rows [first, first + count) of a batch of 6.
Epilogue update_in_portions(model::DNorm d_norm, bool is_simultaneous, int64_t accumulate,
                            int64_t first, int64_t count) {
  model::ModelOptions model;
  model.block = model::Block::kStrided;
  model.d_norm = d_norm;
  model.resolution = 16;
  model.width = model.e_width = 2;
  model.z_dim = 5;
  model.h_width = model.j_width = model.e_head_width = 4;
  TrainOptions options;
  options.accumulate = accumulate;
  options.augment = "translation";
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  TrainState state(model, options, {communicator, cpu, at::kDouble}, 1);
  Step step(state, model, options, {});
  const core::Batch batch{.images = at::sin(at::arange(6 * 3 * 16 * 16, at::kDouble) * 0.37)
                                        .view({6, 3, 16, 16})
                                        .narrow(0, first, count),
                          .labels = at::full({count}, -1, at::kLong),
                          .sample_ids = at::arange(first, first + count)};
  const auto noise = [&](int64_t draw) {
    return make_noise(1, draw, {first, count}, model, at::kDouble, /*is_augmenting=*/true);
  };
  loss::Loss loss_d, loss_ge;
  if (is_simultaneous) {
    std::tie(loss_d, loss_ge) = step.update_together(batch, noise(0), 0, 0, 0);
  } else {
    loss_d = step.update_discriminator(batch, noise(0), 0);
    loss_ge = step.update_generator_encoder(batch, noise(1), 0, 0);
  }
  EXPECT_FALSE(loss_d.total.requires_grad() || loss_ge.total.requires_grad());
  return {.d = state.d->arena.gradients().clone(),
          .g = state.g.arena.gradients().clone(),
          .e = state.e->arena.gradients().clone(),
          .state = state.to_state_dict(),
          .loss_d = loss_d.total.item<double>(),
          .loss_ge = loss_ge.total.item<double>()};
}

class Accumulate : public ::testing::TestWithParam<std::tuple<model::DNorm, bool>> {};

TEST_P(Accumulate, LeavesTheMeanOfThePortionsGradients) {
  const auto& [d_norm, is_simultaneous] = GetParam();
  const Epilogue whole = update_in_portions(d_norm, is_simultaneous, 3, 0, 6);
  std::vector<Epilogue> portions;
  for (int64_t i = 0; i < 3; ++i) {
    portions.push_back(update_in_portions(d_norm, is_simultaneous, 1, 2 * i, 2));
  }
  const auto expect_mean = [&](at::Tensor Epilogue::*gradient) {
    const at::Tensor expected =
        (portions[0].*gradient + portions[1].*gradient + portions[2].*gradient) / 3;
    EXPECT_GT(expected.abs().max().item<double>(), 1e-6);
    // float64 sums in another order.
    EXPECT_TRUE(at::allclose(whole.*gradient, expected, 1e-11, 1e-13));
  };
  expect_mean(&Epilogue::d);
  expect_mean(&Epilogue::g);
  expect_mean(&Epilogue::e);
  EXPECT_NEAR(whole.loss_d, (portions[0].loss_d + portions[1].loss_d + portions[2].loss_d) / 3,
              1e-12);
  EXPECT_NEAR(whole.loss_ge, (portions[0].loss_ge + portions[1].loss_ge + portions[2].loss_ge) / 3,
              1e-12);
}

TEST_P(Accumulate, IteratesForSingularVectorsOnceAnUpdate) {
  const auto& [d_norm, is_simultaneous] = GetParam();
  const Epilogue whole = update_in_portions(d_norm, is_simultaneous, 3, 0, 6);
  const Epilogue once = update_in_portions(d_norm, is_simultaneous, 1, 0, 2);
  int64_t compared = 0;
  for (size_t i = 0; i < whole.state.tensors.size(); ++i) {
    const auto& [name, tensor] = whole.state.tensors[i];
    if (!name.starts_with("D.") || !name.ends_with(".u")) continue;
    EXPECT_TRUE(at::equal(tensor, once.state.tensors[i].second)) << name;
    ++compared;
  }
  EXPECT_EQ(compared > 0, d_norm == model::DNorm::kSpectral);
}

INSTANTIATE_TEST_SUITE_P(Networks, Accumulate,
                         ::testing::Combine(::testing::Values(model::DNorm::kSpectral,
                                                              model::DNorm::kBatch),
                                            ::testing::Bool()),
                         [](const auto& info) {
                           return core::word_of(model::kDNorms, std::get<0>(info.param)) +
                                  (std::get<1>(info.param) ? "Simultaneous" : "");
                         });

}  // namespace
}  // namespace bbg::train
