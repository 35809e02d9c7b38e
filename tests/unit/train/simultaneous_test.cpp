// BiGAN's simultaneous update with L2 regularisation: against digests of a PyTorch one, at its
// start, and beside the gradients of the two separate updates.
#include <gtest/gtest.h>

#include <cmath>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"
#include "support/golden_digest.h"
#include "train/step.h"

namespace bbg::train {
namespace {

TEST(GoldenSimultaneousUpdate, LossesGradientsParametersAndBuffersEqualPyTorchsOverThreeUpdates) {
  testing::GoldenDigest golden("simultaneous_bigan_mlp");
  const auto model = golden.options<model::ModelOptions>("model");
  const auto train = golden.options<TrainOptions>("train");
  model.check();
  train.check();
  ASSERT_TRUE(train.simultaneous);
  ASSERT_GT(train.weight_decay, 0);
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  TrainState state(model, train, {communicator, cpu, at::kDouble}, 1);
  const std::vector<std::pair<std::string, nn::Network*>> networks = {
      {"G", state.nets.generator.get()},
      {"E", state.nets.encoder.get()},
      {"D", state.nets.discriminator.get()}};
  for (const auto& [name, network] : networks) golden.fill(*network, name);
  Step step(state, model, train, golden.options<loss::LossOptions>("loss"));
  const core::Batch batch{.images = golden.images(model), .labels = {}, .sample_ids = {}};
  const Noise noise{.z = golden.code(model), .epsilon = {}, .labels = {}};

  for (int update = 0; update < 3; ++update) {
    const auto [loss_d, loss_ge] =
        step.update_together(batch, noise, train.lr_g, train.lr_e, train.lr_d);
    golden.expect("out.loss_d." + std::to_string(update), loss_d.total);
    golden.expect("out.loss_ge." + std::to_string(update), loss_ge.total);
    if (update > 0) continue;
    for (const auto& [name, network] : networks) golden.expect_gradients(*network, name);
  }
  for (const auto& [name, network] : networks) {
    for (const auto& parameter : network->store().parameters()) {
      golden.expect("updated." + name + "." + parameter.name, parameter.tensor);
    }
    golden.expect_buffers(*network, name);
  }
  golden.expect_all_seen();
}

at::Tensor pattern(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kDouble) * frequency).view(shape);
}

// One state with a batch, ready for an update.
struct Prepared {
  model::ModelOptions model;
  TrainOptions train;
  loss::LossOptions loss;
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  std::unique_ptr<TrainState> state;
  core::Batch batch;
  Noise noise;

  Prepared(const model::ModelOptions& options, double weight_decay) : model(options) {
    model.check();
    loss.kind = loss::Kind::kLogistic;
    loss.scale = 0.5;
    train.weight_decay = weight_decay;
    state =
        std::make_unique<TrainState>(model, train, nn::Backend{communicator, cpu, at::kDouble}, 1);
    const int64_t size = model.data_resolution();
    batch.images = pattern({4, model.channels, size, size}, 0.37);
    batch.labels = at::full({4}, -1, at::kLong);
    noise = make_noise(1, 0, {0, 4}, model, at::kDouble);
  }
  Step step() { return Step(*state, model, train, loss); }
};

model::ModelOptions mnist() {
  model::ModelOptions options;
  options.system = model::System::kBiGan;
  options.block = model::Block::kMlp;
  options.resolution = 28;
  options.channels = 1;
  options.z_dim = 5;
  options.prior = model::Prior::kUniform;
  options.width = options.e_width = 16;
  options.d_norm = model::DNorm::kBatch;
  options.e_stochastic = false;
  options.e_head_depth = 0;
  options.init = nn::Init::kNormal02;
  return options;
}
model::ModelOptions imagenet() {
  model::ModelOptions options = mnist();
  options.block = model::Block::kBiGan;
  options.resolution = 32;
  options.e_resolution = 56;
  options.channels = 3;
  options.width = options.e_width = 2;
  return options;
}
model::ModelOptions strided(model::DNorm d_norm) {
  model::ModelOptions options;
  options.block = model::Block::kStrided;
  options.resolution = 16;
  options.width = options.e_width = 2;
  options.z_dim = 5;
  options.h_width = options.j_width = options.e_head_width = 4;
  options.d_norm = d_norm;
  return options;
}

// D's last layer starts at zero, so it says "one half" to all, and nothing yet reaches G and E.
TEST(SimultaneousUpdate, OfBiganStartsAtLnTwoAndWithGradientsOfZeroForGAndE) {
  for (const model::ModelOptions& options : {mnist(), imagenet()}) {
    SCOPED_TRACE(core::word_of(model::kBlocks, options.block));
    Prepared prepared(options, 0);
    const at::Tensor g = prepared.state->g.arena.values().clone();
    const auto [loss_d, loss_ge] =
        prepared.step().update_together(prepared.batch, prepared.noise, 1e-3, 1e-3, 1e-3);
    EXPECT_NEAR(loss_d.total.item<double>(), 0.693147, 1e-6);
    EXPECT_NEAR(loss_ge.total.item<double>(), std::log(2.0), 1e-15);
    EXPECT_EQ(prepared.state->g.arena.gradients().abs().max().item<double>(), 0);
    EXPECT_EQ(prepared.state->e->arena.gradients().abs().max().item<double>(), 0);
    EXPECT_TRUE(at::equal(prepared.state->g.arena.values(), g));
    EXPECT_GT(prepared.state->d->arena.gradients().abs().max().item<double>(), 0);
    // The second update reaches them.
    prepared.step().update_together(prepared.batch, prepared.noise, 1e-3, 1e-3, 1e-3);
    EXPECT_FALSE(at::equal(prepared.state->g.arena.values(), g));
    EXPECT_GT(prepared.state->e->arena.gradients().abs().max().item<double>(), 0);
  }
}

// From one state the gradients are those of the separate updates, of which the second sees D as it
// was where D's rate is zero.
TEST(SimultaneousUpdate, HasTheGradientsOfBothUpdatesAtTheSameParameters) {
  for (const auto d_norm : {model::DNorm::kBatch, model::DNorm::kNone}) {
    SCOPED_TRACE(core::word_of(model::kDNorms, d_norm));
    Prepared together(strided(d_norm), 0), apart(strided(d_norm), 0);
    const auto [loss_d, loss_ge] =
        together.step().update_together(together.batch, together.noise, 1e-3, 1e-3, 1e-3);
    const loss::Loss apart_d = apart.step().update_discriminator(apart.batch, apart.noise, 0);
    const at::Tensor d_gradients = apart.state->d->arena.gradients().clone();
    const loss::Loss apart_ge =
        apart.step().update_generator_encoder(apart.batch, apart.noise, 1e-3, 1e-3);
    // float64; the halves of a batch may be summed in another order.
    const auto expect_close = [](const at::Tensor& a, const at::Tensor& b) {
      EXPECT_TRUE(at::allclose(a, b, 1e-10, 1e-13)) << (a - b).abs().max();
    };
    expect_close(loss_d.total.detach(), apart_d.total.detach());
    expect_close(loss_ge.total.detach(), apart_ge.total.detach());
    expect_close(together.state->d->arena.gradients(), d_gradients);
    expect_close(together.state->g.arena.gradients(), apart.state->g.arena.gradients());
    expect_close(together.state->e->arena.gradients(), apart.state->e->arena.gradients());
    EXPECT_FALSE(at::equal(together.state->d->arena.values(), apart.state->d->arena.values()));
  }
}

TEST(WeightDecay, AddsTheWeightsToTheirGradientsButNotToThoseOfGains) {
  constexpr double kDecay = 0.25;
  Prepared with(strided(model::DNorm::kBatch), kDecay), without(strided(model::DNorm::kBatch), 0);
  for (Prepared* prepared : {&with, &without}) {
    prepared->step().update_discriminator(prepared->batch, prepared->noise, 0);
    prepared->step().update_generator_encoder(prepared->batch, prepared->noise, 0, 0);
  }
  int64_t gains = 0;
  const auto compare = [&](const nn::Network& decayed, const nn::Network& plain) {
    for (size_t i = 0; i < decayed.store().parameters().size(); ++i) {
      const auto& [name, weight] = decayed.store().parameters()[i];
      const bool is_gain = weight.dim() == 1 && name.ends_with("weight");
      gains += is_gain;
      const at::Tensor expected =
          plain.store().parameters()[i].tensor.grad() + (is_gain ? 0 : kDecay) * weight.detach();
      EXPECT_TRUE(at::allclose(weight.grad(), expected, 1e-12, 1e-15)) << name;
    }
  };
  compare(*with.state->nets.generator, *without.state->nets.generator);
  compare(*with.state->nets.encoder, *without.state->nets.encoder);
  compare(*with.state->nets.discriminator, *without.state->nets.discriminator);
  EXPECT_GT(gains, 0);
}

}  // namespace
}  // namespace bbg::train
