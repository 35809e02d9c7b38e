// What each system's networks give, and which gradients must and must not flow.
#include <gtest/gtest.h>

#include "model/nets.h"
#include "support/self_communicator.h"

namespace bbg::model {
namespace {

ModelOptions small(const std::string& system) {
  ModelOptions options;
  options.system = system;
  options.width = options.e_width = 2;
  options.z_dim = 8;
  options.h_width = options.j_width = options.e_head_width = 8;
  options.h_depth = options.j_depth = 1;
  return options;
}

struct Built {
  testing::SelfCommunicator communicator;
  Nets nets;
  explicit Built(const ModelOptions& options)
      : nets(make_nets(options, communicator, 3, at::kDouble)) {
    nets.generator->begin_substep();
    nets.discriminator->begin_substep();
    if (nets.encoder) nets.encoder->begin_substep();
  }
};

at::Tensor pattern(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kDouble) * frequency).view(shape);
}

TEST(Systems, GiveTheScoresTheyAreDefinedBy) {
  const auto expect = [](const std::string& system, const std::string& terms, bool x, bool z,
                         bool xz) {
    SCOPED_TRACE(system + " " + terms);
    ModelOptions options = small(system);
    options.terms = terms;
    options.check();
    Built built(options);
    EXPECT_EQ(built.nets.encoder != nullptr, z || xz);
    const core::Scores scores =
        built.nets.discriminator->forward(pattern({2, 3, 32, 32}, 0.1), pattern({2, 8}, 1));
    EXPECT_EQ(scores.x.defined(), x);
    EXPECT_EQ(scores.z.defined(), z);
    EXPECT_EQ(scores.xz.defined(), xz);
    for (const at::Tensor& score : {scores.x, scores.z, scores.xz}) {
      if (score.defined()) {
        EXPECT_EQ(score.sizes(), at::IntArrayRef{2});
      }
    }
  };
  expect("gan", "auto", true, false, false);
  expect("biggan", "auto", true, false, false);
  expect("bigan", "auto", false, false, true);
  expect("bigbigan", "auto", true, true, true);
  expect("bigbigan", "x xz", true, false, true);
  expect("bigbigan", "z xz", false, true, true);
  expect("bigbigan", "xz", false, false, true);
}

double gradient_norm(const Network& network) {
  double sum = 0;
  for (const auto& parameter : network.store().parameters()) {
    if (parameter.tensor.grad().defined())
      sum += parameter.tensor.grad().abs().sum().item<double>();
  }
  return sum;
}

// d s_x(x)/dE = 0 for a real x, d s_z(z)/dG = 0 for z of the prior; E learns from s_z(E(x)) and
// s_xz(x, E(x)), G from s_x(G(z)) and s_xz(G(z), z) (Donahue & Simonyan 2019, section 2).
TEST(Systems, GradientsReachEAndGThroughTheScoresThatReadThemAlone) {
  const ModelOptions options = small("bigbigan");
  const auto gradients = [&](bool generator_pairs, at::Tensor core::Scores::*term) {
    Built built(options);
    const at::Tensor x = pattern({4, 3, 32, 32}, 0.1), z = pattern({4, 8}, 1.3);
    const core::Scores scores =
        generator_pairs ? built.nets.discriminator->forward(built.nets.generator->forward(z), z)
                        : built.nets.discriminator->forward(
                              x, built.nets.encoder->forward(x).sample(pattern({4, 8}, 0.7)));
    // Squared: a sum over a batch-normalised G's scores could cancel.
    (scores.*term).square().sum().backward();
    return std::pair<double, double>(gradient_norm(*built.nets.encoder),
                                     gradient_norm(*built.nets.generator));
  };
  EXPECT_EQ(gradients(false, &core::Scores::x).first, 0);
  EXPECT_GT(gradients(false, &core::Scores::z).first, 0);
  EXPECT_GT(gradients(false, &core::Scores::xz).first, 0);
  EXPECT_EQ(gradients(true, &core::Scores::z).second, 0);
  EXPECT_GT(gradients(true, &core::Scores::x).second, 0);
  EXPECT_GT(gradients(true, &core::Scores::xz).second, 0);
  for (auto term : {&core::Scores::x, &core::Scores::z, &core::Scores::xz}) {
    EXPECT_EQ(gradients(false, term).second, 0);
    EXPECT_EQ(gradients(true, term).first, 0);
  }
}

TEST(Systems, ConditionalNetworksReadTheLabels) {
  ModelOptions options = small("biggan");
  options.g_condition = "class";
  options.num_classes = 3;
  const at::Tensor z = pattern({3, 8}, 1.3), x = pattern({3, 3, 32, 32}, 0.1);
  const at::Tensor a = at::tensor({0, 1, 2}, at::kLong), b = at::tensor({0, 1, 0}, at::kLong);
  for (const bool shared : {true, false}) {
    options.g_split_z = shared;
    options.g_embedding = shared ? 128 : 0;
    Built built(options);
    built.nets.generator->set_mode(Mode::kEvaluate);  // batch statistics would mix the samples
    const at::Tensor with_a = built.nets.generator->forward(z, a);
    const at::Tensor with_b = built.nets.generator->forward(z, b);
    EXPECT_TRUE(at::equal(with_a.narrow(0, 0, 2), with_b.narrow(0, 0, 2)));
    EXPECT_FALSE(at::equal(with_a[2], with_b[2]));
    const at::Tensor score_a = built.nets.discriminator->forward(x, {}, a).x;
    const at::Tensor score_b = built.nets.discriminator->forward(x, {}, b).x;
    EXPECT_TRUE(at::equal(score_a.narrow(0, 0, 2), score_b.narrow(0, 0, 2)));
    EXPECT_NE(score_a[2].item<double>(), score_b[2].item<double>());
  }
}

TEST(Systems, MakeImagesOfEveryResolution) {
  for (const auto& [resolution, chunks] :
       {std::pair<int64_t, int64_t>{32, 4}, {64, 5}, {128, 6}, {256, 7}, {512, 8}}) {
    ModelOptions options = small("gan");
    options.resolution = resolution;
    options.z_dim = chunks;
    Built built(options);
    const at::NoGradGuard no_grad;
    const at::Tensor images = built.nets.generator->forward(pattern({2, chunks}, 1.3));
    EXPECT_EQ(images.sizes(), (std::vector<int64_t>{2, 3, resolution, resolution}));
    EXPECT_LE(images.abs().max().item<double>(), 1);
    EXPECT_EQ(built.nets.discriminator->forward(images, {}).x.sizes(), at::IntArrayRef{2});
  }
}

ModelOptions small_mlp(const std::string& system) {
  ModelOptions options = small(system);
  options.block = "mlp";
  options.d_norm = "bn";
  options.e_head_depth = 0;
  options.e_stochastic = false;
  options.prior = "uniform";
  options.resolution = 28;
  options.channels = 1;
  options.check();
  return options;
}

// Donahue et al. 2017's code starts D's last layer at zero (docs/choices.md C1).
TEST(Systems, OfFullyConnectedLayersStartWithScoresOfZero) {
  for (const std::string system : {"bigan", "gan"}) {
    Built built(small_mlp(system));
    const at::Tensor z = pattern({4, 8}, 1.3);
    const at::Tensor images = built.nets.generator->forward(z);
    EXPECT_EQ(images.sizes(), (std::vector<int64_t>{4, 1, 28, 28}));
    EXPECT_LT(images.abs().max().item<double>(), 1);
    const core::Scores scores = built.nets.discriminator->forward(images, z);
    EXPECT_EQ(scores.x.defined(), system == "gan");
    EXPECT_EQ(scores.xz.defined(), system == "bigan");
    const at::Tensor score = system == "gan" ? scores.x : scores.xz;
    EXPECT_TRUE(at::equal(score, at::zeros({4}, at::kDouble)));
  }
}

// The layers are those of the paper, whose pixels lie in [0, 1]: to them black is zero.
TEST(Systems, OfFullyConnectedLayersSeeNothingInABlackImage) {
  Built built(small_mlp("bigan"));
  const at::Tensor black = at::full({2, 1, 28, 28}, -1, at::kDouble);
  EXPECT_EQ(built.nets.discriminator->image_features(black).abs().max().item<double>(), 0);
  EXPECT_EQ(built.nets.encoder->forward(black).mean.abs().max().item<double>(), 0);
}

TEST(Systems, MlpFeatureIsTheLayerBeforeTheOutput) {
  Built built(small_mlp("bigan"));
  const Code code = built.nets.encoder->forward(pattern({4, 1, 28, 28}, 0.1));
  EXPECT_EQ(code.feature.sizes(), (std::vector<int64_t>{4, 2}));
  EXPECT_LT(code.mean.abs().max().item<double>(), 1);
  const auto& parameters = built.nets.encoder->store().parameters();
  EXPECT_EQ(parameters.back().name, "output.weight");
  EXPECT_TRUE(at::allclose(
      code.mean, 2 * at::sigmoid(at::linear(code.feature, parameters.back().tensor)) - 1));
}

ModelOptions small_conv(const std::string& system) {
  ModelOptions options = small(system);
  options.block = "bigan";
  options.d_norm = "bn";
  options.e_head_depth = 0;
  options.e_stochastic = false;
  options.prior = "uniform";
  options.check();
  return options;
}

TEST(Systems, OfBigansConvolutionsStartWithScoresOfZeroAtEveryMultipleOf16) {
  for (const std::string system : {"bigan", "gan"}) {
    for (const int64_t resolution : {16, 48, 64}) {
      ModelOptions options = small_conv(system);
      options.resolution = resolution;
      Built built(options);
      const at::Tensor z = pattern({4, 8}, 1.3);
      const at::Tensor images = built.nets.generator->forward(z);
      EXPECT_EQ(images.sizes(), (std::vector<int64_t>{4, 3, resolution, resolution}));
      EXPECT_LT(images.abs().max().item<double>(), 1);
      EXPECT_FALSE(built.nets.discriminator->may_mix_halves());
      const core::Scores scores = built.nets.discriminator->forward(images, z);
      EXPECT_EQ(scores.x.defined(), system == "gan");
      EXPECT_EQ(scores.xz.defined(), system == "bigan");
      EXPECT_FALSE(scores.z.defined());
      const at::Tensor score = system == "gan" ? scores.x : scores.xz;
      EXPECT_TRUE(at::equal(score, at::zeros({4}, at::kDouble)));
    }
  }
}

const at::Tensor& parameter(const Network& network, const std::string& name) {
  for (const NamedTensor& entry : network.store().parameters()) {
    if (entry.name == name) return entry.tensor;
  }
  throw std::runtime_error("no parameter " + name);
}

// N(0, 0.02 k^2) in the paper's code, k = 5; its other weights have 0.02.
TEST(Systems, MapsOfTheCodeBesideConvolutionsStart25TimesAsWide) {
  ModelOptions options = small_conv("bigan");
  options.init = "n02";
  options.width = 8;
  options.z_dim = 200;
  Built built(options);
  const auto deviation = [](const at::Tensor& weight) { return weight.std().item<double>(); };
  // Five standard deviations of that of 11,200 and more normal draws: 3.4 %.
  const at::Tensor& code = parameter(*built.nets.generator, "code.weight");
  const at::Tensor& h = parameter(*built.nets.discriminator, "H.weight");
  EXPECT_EQ(code.sizes(), (std::vector<int64_t>{56, 200}));
  EXPECT_EQ(h.sizes(), (std::vector<int64_t>{112, 200}));
  EXPECT_NEAR(deviation(code), 0.5, 0.017);
  EXPECT_NEAR(deviation(h), 0.5, 0.017);
  EXPECT_NEAR(deviation(parameter(*built.nets.generator, "linear.weight")), 0.02, 0.0007);
  options.init = "orthogonal";
  Built orthogonal(options);
  const at::Tensor& rows = parameter(*orthogonal.nets.discriminator, "H.weight");
  EXPECT_TRUE(at::allclose(rows.mm(rows.t()), at::eye(112, at::kDouble), 0, 1e-12));
}

// conv5 has 4x4 positions at 64 px and 7x7 at 112, the sizes of E in the paper.
TEST(Systems, AlexNetFeatureIsTheLastMapAndTheLayerBeforeTheOutput) {
  for (const auto& [size, side] : {std::pair<int64_t, int64_t>{64, 4}, {112, 7}, {67, 5}}) {
    ModelOptions options = small_conv("bigan");
    options.resolution = 64;
    options.e_resolution = size;
    options.check();
    Built built(options);
    const Code code = built.nets.encoder->forward(pattern({3, 3, size, size}, 0.1));
    EXPECT_EQ(code.feature.sizes(), (std::vector<int64_t>{3, 16 * side * side}));
    EXPECT_EQ(built.nets.encoder->store().parameters().back().name, "output.weight");
    EXPECT_TRUE(at::allclose(
        code.mean,
        2 * at::sigmoid(at::linear(code.feature, parameter(*built.nets.encoder, "output.weight"))) -
            1));
  }
}

TEST(Systems, CodesOfTheUniformPriorStayWithinIt) {
  ModelOptions options = small("bigan");
  options.prior = "uniform";
  options.e_stochastic = false;
  Built built(options);
  const at::Tensor code = built.nets.encoder->forward(pattern({4, 3, 32, 32}, 0.1) * 50).sample({});
  EXPECT_LT(code.abs().max().item<double>(), 1);
  EXPECT_GT(code.abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace bbg::model
