// BigGAN at every resolution, layout and kind of condition, and the GANs of BiGAN's networks,
// against digests of PyTorch networks: images, scores, all gradients, buffers, evaluation.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "model/nets.h"
#include "ops/cpu_ops.h"
#include "support/golden_digest.h"

namespace bbg::model {
namespace {

class BigganGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(BigganGolden, OutputsGradientsAndBuffersEqualPyTorchs) {
  testing::GoldenDigest golden(GetParam());
  const auto options = golden.options<ModelOptions>("model");
  options.check();
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  const Nets nets = make_nets(options, {communicator, cpu, at::kDouble}, 1);
  Generator& generator = *nets.generator;
  Discriminator& discriminator = *nets.discriminator;
  golden.fill(generator, "G");
  golden.fill(discriminator, "D");
  const at::Tensor x = golden.images(options).set_requires_grad(true);
  const at::Tensor z = golden.code(options).set_requires_grad(true);
  const at::Tensor real_labels = golden.labels("in.y_real", options);
  const at::Tensor generated_labels = golden.labels("in.y_fake", options);

  generator.begin_substep();
  discriminator.begin_substep();
  const at::Tensor generated = generator.forward(z, generated_labels);
  const at::Tensor real = discriminator.forward(x, {}, real_labels).x;
  const at::Tensor fake = discriminator.forward(generated, {}, generated_labels).x;
  (real.dot(golden.noise("upstream.real", real.sizes())) +
   fake.dot(golden.noise("upstream.fake", fake.sizes())))
      .backward();

  golden.expect("out.g", generated);
  golden.expect("out.real", real);
  golden.expect("out.fake", fake);
  golden.expect("grad.x", x.grad());
  golden.expect("grad.z", z.grad());
  golden.expect_gradients(generator, "G");
  golden.expect_gradients(discriminator, "D");
  golden.expect_buffers(generator, "G");
  golden.expect_buffers(discriminator, "D");

  const at::NoGradGuard no_grad;
  generator.set_mode(nn::Mode::kEvaluate);
  generator.begin_substep();
  golden.expect("eval.g", generator.forward(z, generated_labels));
  golden.expect_all_seen();
}

INSTANTIATE_TEST_SUITE_P(Networks, BigganGolden,
                         ::testing::Values("biggan_32_sg", "biggan_32_bgp_tables", "biggan_64_bgp",
                                           "biggan_64_sg_single", "biggan_64_cg_plain",
                                           "biggan_128", "biggan_256_bgp_skip",
                                           "biggan_256_cg_skip", "biggan_512", "biggan_512_cg_skip",
                                           "gan_mlp", "gan_conv"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace bbg::model
