// The systems that BiGAN is compared with (Donahue et al. 2017, table 1): what trains G, D and E in
// a latent regressor, a joint one and an autoencoder, beside a plain GAN and plain autograd.
#include <gtest/gtest.h>

#include <cmath>

#include "comm/self_communicator.h"
#include "loss/regression.h"
#include "ops/cpu_ops.h"
#include "support/golden_digest.h"
#include "train/step.h"

namespace bbg::train {
namespace {

struct Blocks {
  std::string name;
  model::Block block;
  model::DNorm d_norm;
  model::Prior prior;
};

void PrintTo(const Blocks& blocks, std::ostream* out) { *out << blocks.name; }

model::ModelOptions small_networks(const Blocks& blocks, model::System system) {
  model::ModelOptions options;
  options.system = system;
  options.block = blocks.block;
  options.d_norm = blocks.d_norm;
  options.prior = blocks.prior;
  options.resolution = blocks.block == model::Block::kMlp       ? 6
                       : blocks.block == model::Block::kStrided ? 16
                                                                : 32;
  options.z_dim = 8;
  options.width = options.e_width = 2;
  options.e_head_width = 8;
  options.e_head_depth = blocks.block == model::Block::kMlp ? 0 : 1;
  options.e_stochastic = false;
  return options;
}

// One state with a batch, ready for an update. Equal options but for the system give equal G, E, D.
struct PreparedBaseline {
  model::ModelOptions model;
  TrainOptions train;
  loss::LossOptions loss;
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  std::unique_ptr<TrainState> state;
  core::Batch batch;
  Noise noise;

  explicit PreparedBaseline(const model::ModelOptions& options) : model(options) {
    model.check();
    loss.kind = loss::Kind::kLogistic;
    loss.scale = 0.5;
    state =
        std::make_unique<TrainState>(model, train, nn::Backend{communicator, cpu, at::kDouble}, 1);
    const int64_t size = model.data_resolution();
    batch.images = testing::named_noise("x", {4, model.channels, size, size});
    batch.labels = testing::named_noise("y", {4}).ge(0).to(at::kLong);
    noise = make_noise(1, 0, {0, 4}, model, at::kDouble);
    // A weight that starts at zero would hide what should pass it.
    const at::NoGradGuard no_grad;
    if (state->nets.encoder) fill_last(*state->nets.encoder);
    if (state->nets.discriminator) fill_last(*state->nets.discriminator);
  }
  static void fill_last(const nn::Network& network) {
    for (const auto& [name, tensor] : network.store().parameters()) {
      if (name.ends_with("output.weight") || name.ends_with("score_x.weight")) {
        at::Tensor(tensor).copy_(testing::named_noise(name, tensor.sizes()));
      }
    }
  }
  // The losses of D, where it has an update, and of G and E.
  std::pair<loss::Loss, loss::Loss> update(bool simultaneous) {
    Step step(*state, model, train, loss);
    if (simultaneous) return step.update_together(batch, noise, 1e-3, 1e-3, 1e-3);
    loss::Loss d;
    if (state->d) d = step.update_discriminator(batch, noise, 1e-3);
    return {d, step.update_generator_encoder(batch, noise, 1e-3, 1e-3)};
  }
};

at::Tensor gradients_of(std::optional<Trained>& trained) { return trained->arena.gradients(); }

void expect_close(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_GT(b.abs().max().item<double>(), 1e-6);  // else nothing was compared
  // float64; gradients of two paths may be added in another order.
  EXPECT_TRUE(at::allclose(a, b, 1e-9, 1e-13)) << (a - b).abs().max();
}

class Baselines : public ::testing::TestWithParam<Blocks> {};

TEST_P(Baselines, LatentRegressorTrainsGAndDAsAPlainGanBitForBit) {
  for (const bool simultaneous : {false, true}) {
    SCOPED_TRACE(simultaneous);
    PreparedBaseline gan(small_networks(GetParam(), model::System::kGan)),
        regressor(small_networks(GetParam(), model::System::kLatentRegressor));
    const auto [gan_d, gan_g] = gan.update(simultaneous);
    const auto [d, ge] = regressor.update(simultaneous);
    EXPECT_TRUE(at::equal(gradients_of(regressor.state->d), gradients_of(gan.state->d)));
    EXPECT_TRUE(at::equal(regressor.state->g.arena.gradients(), gan.state->g.arena.gradients()));
    EXPECT_GT(gradients_of(regressor.state->e).abs().max().item<double>(), 0);
    const core::StateDict all = regressor.state->to_state_dict();
    const std::map<std::string, at::Tensor> found(all.tensors.begin(), all.tensors.end());
    for (const auto& [name, tensor] : gan.state->to_state_dict().tensors) {
      EXPECT_TRUE(at::equal(found.at(name), tensor)) << name;
    }
    EXPECT_EQ(d.total.item<double>(), gan_d.total.item<double>());
    EXPECT_EQ(ge.x.item<double>(), gan_g.x.item<double>());
    EXPECT_EQ(ge.total.item<double>(), ge.x.item<double>() + ge.latent.item<double>());
  }
}

// E learns from generated images alone, and G from E with the weight that is asked for.
TEST_P(Baselines, JointLatentRegressorAddsTheWeightedGradientOfTheCostToThatOfAGan) {
  constexpr double kWeight = 0.25;
  for (const bool simultaneous : {false, true}) {
    SCOPED_TRACE(simultaneous);
    const model::ModelOptions options = small_networks(GetParam(), model::System::kLatentRegressor);
    PreparedBaseline gan(small_networks(GetParam(), model::System::kGan)), joint(options),
        plain(options);
    joint.loss.latent_to_g = kWeight;
    // D may be updated first: it changes neither G's images nor E.
    model::Nets& nets = plain.state->nets;
    if (!simultaneous) {
      // The G/E update is the second in which G's power iterations move.
      const at::NoGradGuard no_grad;
      nets.generator->begin_substep();
    }
    nets.generator->begin_substep();
    nets.encoder->begin_substep();
    const model::Code code = nets.encoder->forward(nets.generator->forward(plain.noise.z));
    const at::Tensor cost =
        plain.loss.scale * loss::latent_cost(code.mean, code.logits, plain.noise.z);
    plain.state->g.arena.zero_gradients();
    plain.state->e->arena.zero_gradients();
    cost.backward();

    const loss::Loss gan_g = gan.update(simultaneous).second;
    const loss::Loss ge = joint.update(simultaneous).second;
    EXPECT_NEAR(ge.latent.item<double>(), cost.item<double>(), 1e-14);
    EXPECT_EQ(ge.x.item<double>(), gan_g.x.item<double>());
    expect_close(gradients_of(joint.state->e), gradients_of(plain.state->e));
    const at::Tensor more = kWeight * plain.state->g.arena.gradients();
    expect_close(joint.state->g.arena.gradients() - gan.state->g.arena.gradients(), more);
  }
}

TEST_P(Baselines, AutoencoderHasTheGradientsOfPlainAutograd) {
  for (const auto distance : {loss::Distance::kSquared, loss::Distance::kAbsolute}) {
    for (const bool simultaneous : {false, true}) {
      SCOPED_TRACE(static_cast<int>(distance));
      const model::ModelOptions options = small_networks(GetParam(), model::System::kAutoencoder);
      PreparedBaseline trained(options), plain(options);
      trained.loss.reconstruction = distance;
      const loss::Loss loss = trained.update(simultaneous).second;
      EXPECT_FALSE(trained.state->d.has_value());
      EXPECT_EQ(trained.state->nets.discriminator, nullptr);

      model::Nets& nets = plain.state->nets;
      nets.encoder->begin_substep();
      nets.generator->begin_substep();
      const at::Tensor difference =
          nets.generator->forward(nets.encoder->forward(plain.batch.images).mean) -
          plain.batch.images;
      const at::Tensor each =
          distance == loss::Distance::kAbsolute ? difference.abs() : difference * difference;
      const at::Tensor cost = 0.5 * each.sum() / static_cast<double>(each.numel());
      plain.state->g.arena.zero_gradients();
      plain.state->e->arena.zero_gradients();
      cost.backward();
      EXPECT_NEAR(loss.total.item<double>(), cost.item<double>(), 1e-14);
      EXPECT_EQ(loss.reconstruction.item<double>(), loss.total.item<double>());
      expect_close(trained.state->g.arena.gradients(), plain.state->g.arena.gradients());
      expect_close(gradients_of(trained.state->e), gradients_of(plain.state->e));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Baselines,
                         ::testing::Values(Blocks{"Mlp", model::Block::kMlp, model::DNorm::kBatch,
                                                  model::Prior::kUniform},
                                           Blocks{"MlpNormal", model::Block::kMlp,
                                                  model::DNorm::kBatch, model::Prior::kNormal},
                                           Blocks{"StridedBatchNorm", model::Block::kStrided,
                                                  model::DNorm::kBatch, model::Prior::kUniform},
                                           Blocks{"StridedSpectral", model::Block::kStrided,
                                                  model::DNorm::kSpectral, model::Prior::kNormal},
                                           Blocks{"Residual", model::Block::kResidual,
                                                  model::DNorm::kSpectral, model::Prior::kUniform}),
                         [](const auto& info) { return info.param.name; });

const Blocks kMlp{"Mlp", model::Block::kMlp, model::DNorm::kBatch, model::Prior::kUniform};
const Blocks kStrided{"Strided", model::Block::kStrided, model::DNorm::kSpectral,
                      model::Prior::kNormal};

// E's last layer starts at zero in BiGAN's code (docs/choices.md C1).
TEST(LatentRegressor, OfFullyConnectedLayersStartsAtLnTwo) {
  const model::ModelOptions options = small_networks(kMlp, model::System::kLatentRegressor);
  PreparedBaseline prepared(options);
  TrainState start(options, {}, {prepared.communicator, prepared.cpu, at::kDouble}, 1);
  prepared.loss.scale = 1;
  Step step(start, options, {}, prepared.loss);
  const loss::Loss loss =
      step.update_together(prepared.batch, prepared.noise, 1e-3, 1e-3, 1e-3).second;
  EXPECT_DOUBLE_EQ(loss.latent.item<double>(), std::log(2.0));
}

TEST(LatentRegressor, LearnsTheCodesOfAFixedG) {
  PreparedBaseline prepared(small_networks(kStrided, model::System::kLatentRegressor));
  Step step(*prepared.state, prepared.model, prepared.train, prepared.loss);
  double first = 0, last = 0;
  for (int i = 0; i < 100; ++i) {
    last = step.update_generator_encoder(prepared.batch, prepared.noise, 0, 1e-2)
               .latent.item<double>();
    if (i == 0) first = last;
  }
  EXPECT_LT(last, first / 10);
}

TEST(Autoencoder, IsComparedAtTheResolutionOfG) {
  model::ModelOptions options = small_networks(kStrided, model::System::kAutoencoder);
  options.e_resolution = 32;
  PreparedBaseline trained(options), plain(options);
  const at::Tensor& x = plain.batch.images;
  model::Nets& nets = plain.state->nets;
  nets.encoder->begin_substep();
  nets.generator->begin_substep();
  const at::Tensor made = nets.generator->forward(nets.encoder->forward(x).mean);
  EXPECT_NEAR(trained.update(false).second.total.item<double>(),
              0.5 * (made - at::avg_pool2d(x, 2)).square().mean().item<double>(), 1e-14);
}

TEST(Autoencoder, OfConditionalNetworksGivesGTheClassOfTheImage) {
  model::ModelOptions options =
      small_networks({"", model::Block::kResidual, model::DNorm::kSpectral, model::Prior::kNormal},
                     model::System::kAutoencoder);
  options.g_condition = model::GCondition::kClass;
  options.num_classes = 2;
  PreparedBaseline prepared(options), other(options);
  other.batch.labels = 1 - other.batch.labels;
  EXPECT_NE(prepared.update(false).second.total.item<double>(),
            other.update(false).second.total.item<double>());
}

TEST(Autoencoder, SurvivesTheStateDictWhichHasNoD) {
  const model::ModelOptions options = small_networks(kMlp, model::System::kAutoencoder);
  PreparedBaseline first(options), second(options);
  first.update(false);
  const core::StateDict saved = first.state->to_state_dict();
  for (const auto& [name, tensor] : saved.tensors) EXPECT_NE(name[0], 'D') << name;
  second.state->load(&saved);
  first.update(true);
  second.update(true);
  const core::StateDict a = first.state->to_state_dict(), b = second.state->to_state_dict();
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_TRUE(at::equal(a.tensors[i].second, b.tensors[i].second)) << a.tensors[i].first;
  }
}

}  // namespace
}  // namespace bbg::train
