// One D update and one G/E update against digests of PyTorch steps: losses, gradients, buffers. Of
// class-conditional BigGAN, BiGAN, the ablations of BigBiGAN, BigBiGAN with the paper's four blocks
// in H and J at 32 to 512 px (the larger with E of the paper's kinds), the strided family
// and BiGAN's networks. E sees twice D's resolution in some, 1.75 times in one.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"
#include "support/golden_digest.h"
#include "train/step.h"

namespace bbg::train {
namespace {

class GoldenSystemStep : public ::testing::TestWithParam<const char*> {
 protected:
  GoldenSystemStep()
      : golden(GetParam()),
        options(golden.options<model::ModelOptions>("model")),
        state(options, TrainOptions(), {communicator, cpu, at::kDouble}, 1),
        step(state, options, TrainOptions(), golden.options<loss::LossOptions>("loss")),
        batch{.images = golden.images(options),
              .labels = golden.labels("in.y_real", options),
              .sample_ids = {}},
        noise{.z = golden.code(options),
              .epsilon = options.e_stochastic ? golden.epsilon(options) : at::Tensor(),
              .labels = golden.labels("in.y_fake", options)} {
    options.check();
    // As in data sets without labels: nothing may read them.
    if (!batch.labels.defined()) batch.labels = at::full({golden.batch()}, -1, at::kLong);
    golden.fill(*state.nets.generator, "G");
    golden.fill(*state.nets.discriminator, "D");
    if (state.nets.encoder) golden.fill(*state.nets.encoder, "E");
  }
  void expect_buffers() {
    golden.expect_buffers(*state.nets.generator, "G");
    golden.expect_buffers(*state.nets.discriminator, "D");
    if (state.nets.encoder) golden.expect_buffers(*state.nets.encoder, "E");
    golden.expect_all_seen("after.");
  }

  testing::GoldenDigest golden;
  model::ModelOptions options;
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  TrainState state;
  Step step;
  core::Batch batch;
  Noise noise;
};

TEST_P(GoldenSystemStep, DiscriminatorUpdateHasPyTorchsLossGradientsAndBuffers) {
  const loss::Loss loss = step.update_discriminator(batch, noise, 1e-4);
  golden.expect("out.loss_d", loss.total);
  golden.expect_gradients(*state.nets.discriminator, "D");
  golden.expect_all_seen("grad.D.");
  expect_buffers();
}

TEST_P(GoldenSystemStep, GeneratorEncoderUpdateHasPyTorchsLossGradientsAndBuffers) {
  const loss::Loss loss = step.update_generator_encoder(batch, noise, 1e-4, 1e-4);
  golden.expect("out.loss_ge", loss.total);
  golden.expect_gradients(*state.nets.generator, "G");
  golden.expect_all_seen("grad.G.");
  if (state.nets.encoder) {
    golden.expect_gradients(*state.nets.encoder, "E");
    golden.expect_all_seen("grad.E.");
  }
  expect_buffers();
}

INSTANTIATE_TEST_SUITE_P(
    Systems, GoldenSystemStep,
    ::testing::Values("step_biggan_sg", "step_biggan_tables", "step_bigan", "step_bigbigan_x_xz",
                      "step_bigbigan_z_xz", "step_bigbigan_xz", "step_bigbigan_class",
                      "step_bigbigan_32", "step_bigbigan_64", "step_bigbigan_128",
                      "step_bigbigan_256", "step_bigbigan_512", "step_gan_strided",
                      "step_bigbigan_strided_64", "step_bigbigan_strided_128", "step_bigan_mlp",
                      "step_bigan_mlp_normal", "step_bigan_mlp_32", "step_bigan_mlp_64",
                      "step_bigan_mlp_128", "step_bigan_conv", "step_bigan_conv_normal"),
    [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace bbg::train
