// Outputs of each system's networks, and which gradients must and must not flow.
#include <gtest/gtest.h>

#include <map>

#include "comm/self_communicator.h"
#include "model/nets.h"
#include "ops/cpu_ops.h"

namespace bbg::model {
namespace {

ModelOptions small(System system) {
  ModelOptions options;
  options.system = system;
  options.width = options.e_width = 2;
  options.z_dim = 8;
  options.h_width = options.j_width = options.e_head_width = 8;
  options.h_depth = options.j_depth = 1;
  return options;
}

struct Built {
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  Nets nets;
  explicit Built(const ModelOptions& options)
      : nets(make_nets(options, {communicator, cpu, at::kDouble}, 3)) {
    nets.generator->begin_substep();
    nets.discriminator->begin_substep();
    if (nets.encoder) nets.encoder->begin_substep();
  }
};

at::Tensor pattern(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kDouble) * frequency).view(shape);
}

TEST(Systems, GiveTheScoresTheyAreDefinedBy) {
  const auto expect = [](System system, TermChoice terms, bool x, bool z, bool xz) {
    SCOPED_TRACE(core::word_of(kSystems, system) + " " + core::word_of(kTermChoices, terms));
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
  expect(System::kGan, TermChoice::kAuto, true, false, false);
  expect(System::kBigGan, TermChoice::kAuto, true, false, false);
  expect(System::kBiGan, TermChoice::kAuto, false, false, true);
  expect(System::kBigBiGan, TermChoice::kAuto, true, true, true);
  expect(System::kBigBiGan, TermChoice::kXAndXz, true, false, true);
  expect(System::kBigBiGan, TermChoice::kZAndXz, false, true, true);
  expect(System::kBigBiGan, TermChoice::kXz, false, false, true);
}

double gradient_norm(const nn::Network& network) {
  double sum = 0;
  for (const auto& parameter : network.store().parameters()) {
    if (parameter.tensor.grad().defined())
      sum += parameter.tensor.grad().abs().sum().item<double>();
  }
  return sum;
}

void forget_gradients(const nn::Network& network) {
  for (const auto& parameter : network.store().parameters()) {
    at::Tensor(parameter.tensor).mutable_grad() = at::Tensor();
  }
}

// Every system, kind of block and kind of encoder, by name.
std::map<std::string, ModelOptions> every_system() {
  std::map<std::string, ModelOptions> all;
  const auto add = [&](System system, TermChoice terms, const auto& edit) {
    ModelOptions options = small(system);
    options.terms = terms;
    const std::string name = edit(options) + " " + core::word_of(kSystems, system) + " " +
                             core::word_of(kTermChoices, terms);
    options.check();
    all.emplace(name, options);
  };
  const auto residual = [](ModelOptions&) { return std::string("residual"); };
  const auto conditional = [](ModelOptions& options) {
    options.g_condition = GCondition::kClass;
    options.num_classes = 3;
    return std::string("conditional");
  };
  for (const System system : {System::kGan, System::kBigGan, System::kBiGan, System::kBigBiGan}) {
    add(system, TermChoice::kAuto, residual);
    add(system, TermChoice::kAuto, conditional);
    for (const DNorm norm : {DNorm::kSpectral, DNorm::kBatch, DNorm::kNone}) {
      add(system, TermChoice::kAuto, [&](ModelOptions& options) {
        options.block = Block::kStrided;
        options.d_norm = norm;
        return "strided " + core::word_of(kDNorms, norm);
      });
    }
  }
  for (const TermChoice terms : {TermChoice::kXAndXz, TermChoice::kZAndXz, TermChoice::kXz})
    add(System::kBigBiGan, terms, residual);
  for (const EncoderKind kind : {EncoderKind::kResNet50, EncoderKind::kRevNet50}) {
    add(System::kBigBiGan, TermChoice::kAuto, [&](ModelOptions& options) {
      options.encoder = kind;
      return core::word_of(kEncoderKinds, kind);
    });
  }
  add(System::kBigBiGan, TermChoice::kAuto, [](ModelOptions& options) {
    options.prior = Prior::kUniform;
    options.e_stochastic = false;
    return std::string("uniform prior");
  });
  for (const System system : {System::kGan, System::kBiGan}) {
    add(system, TermChoice::kAuto, [](ModelOptions& options) {
      options.block = Block::kMlp;
      options.d_norm = DNorm::kBatch;
      options.e_head_depth = 0;
      return std::string("mlp");
    });
  }
  return all;
}

using Term = at::Tensor core::Scores::*;

// A system, and the scores of encoder pairs (x, E(x)), without E of real images, and of generator
// pairs (G(z), z).
struct Scored : Built {
  core::Scores by_encoder, by_generator;

  explicit Scored(const ModelOptions& options) : Built(options) {
    for (const auto& parameter : nets.discriminator->store().parameters()) {
      // The score of fully connected layers starts at zero, and would pass nothing.
      if (parameter.tensor.dim() > 1 && parameter.tensor.abs().max().item<double>() == 0) {
        parameter.tensor.detach().copy_(pattern(parameter.tensor.sizes(), 2.1));
      }
    }
    const at::Tensor x = pattern({4, 3, 32, 32}, 0.1), z = pattern({4, 8}, 1.3);
    const at::Tensor labels =
        options.is_conditional() ? at::tensor({0, 1, 2, 0}, at::kLong) : at::Tensor();
    const at::Tensor code =
        nets.encoder ? nets.encoder->forward(x).sample(pattern({4, 8}, 0.7)) : at::Tensor();
    by_encoder = nets.discriminator->forward(x, code, labels);
    by_generator = nets.discriminator->forward(nets.generator->forward(z, labels), z, labels);
  }
  // Sums of the magnitudes of E's and of G's gradients of that score's sum of squares: a plain sum
  // over a batch-normalised G's scores could cancel.
  std::pair<double, double> gradients(const core::Scores& scores, Term term) const {
    forget_gradients(*nets.generator);
    if (nets.encoder) forget_gradients(*nets.encoder);
    (scores.*term).square().sum().backward({}, /*retain_graph=*/true);
    return {nets.encoder ? gradient_norm(*nets.encoder) : 0, gradient_norm(*nets.generator)};
  }
};

// d s_x(x)/dE = 0 for a real x, d s_z(z)/dG = 0 for z of the prior; E learns from s_z(E(x)) and
// s_xz(x, E(x)), G from s_x(G(z)) and s_xz(G(z), z) (Donahue & Simonyan 2019, section 2).
TEST(Systems, GradientsReachEAndGThroughTheScoresThatReadThemAlone) {
  for (const auto& [name, options] : every_system()) {
    SCOPED_TRACE(name);
    const Scored system(options);
    const auto expect = [&](Term term, bool reads_x, bool reads_z) {
      const auto [of_e, no_g] = system.gradients(system.by_encoder, term);
      const auto [no_e, of_g] = system.gradients(system.by_generator, term);
      EXPECT_EQ(of_e > 0, reads_z && system.nets.encoder != nullptr);
      EXPECT_EQ(of_g > 0, reads_x);
      EXPECT_EQ(no_g, 0);
      EXPECT_EQ(no_e, 0);
    };
    const Terms terms = options.active_terms();
    EXPECT_TRUE(terms.x || terms.z || terms.xz);
    if (terms.x) expect(&core::Scores::x, true, false);
    if (terms.z) expect(&core::Scores::z, false, true);
    if (terms.xz) expect(&core::Scores::xz, true, true);
  }
}

TEST(Systems, ConditionalNetworksReadTheLabels) {
  ModelOptions options = small(System::kBigGan);
  options.g_condition = GCondition::kClass;
  options.num_classes = 3;
  const at::Tensor z = pattern({3, 8}, 1.3), x = pattern({3, 3, 32, 32}, 0.1);
  const at::Tensor a = at::tensor({0, 1, 2}, at::kLong), b = at::tensor({0, 1, 0}, at::kLong);
  for (const bool shared : {true, false}) {
    options.g_split_z = shared;
    options.g_embedding = shared ? 128 : 0;
    Built built(options);
    built.nets.generator->set_mode(nn::Mode::kEvaluate);  // batch statistics would mix the samples
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
    ModelOptions options = small(System::kGan);
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

ModelOptions small_mlp(System system) {
  ModelOptions options = small(system);
  options.block = Block::kMlp;
  options.d_norm = DNorm::kBatch;
  options.e_head_depth = 0;
  options.e_stochastic = false;
  options.prior = Prior::kUniform;
  options.resolution = 28;
  options.channels = 1;
  options.check();
  return options;
}

// Donahue et al. 2017's code starts D's last layer at zero (docs/choices.md C1).
TEST(Systems, OfFullyConnectedLayersStartWithScoresOfZero) {
  for (const System system : {System::kBiGan, System::kGan}) {
    Built built(small_mlp(system));
    const at::Tensor z = pattern({4, 8}, 1.3);
    const at::Tensor images = built.nets.generator->forward(z);
    EXPECT_EQ(images.sizes(), (std::vector<int64_t>{4, 1, 28, 28}));
    EXPECT_LT(images.abs().max().item<double>(), 1);
    const core::Scores scores = built.nets.discriminator->forward(images, z);
    EXPECT_EQ(scores.x.defined(), system == System::kGan);
    EXPECT_EQ(scores.xz.defined(), system == System::kBiGan);
    const at::Tensor score = system == System::kGan ? scores.x : scores.xz;
    EXPECT_TRUE(at::equal(score, at::zeros({4}, at::kDouble)));
  }
}

// The layers are those of the paper, whose pixels lie in [0, 1]: to them black is zero.
TEST(Systems, OfFullyConnectedLayersSeeNothingInABlackImage) {
  Built built(small_mlp(System::kBiGan));
  const at::Tensor black = at::full({2, 1, 28, 28}, -1, at::kDouble);
  EXPECT_EQ(built.nets.discriminator->image_features(black).abs().max().item<double>(), 0);
  EXPECT_EQ(built.nets.encoder->forward(black).mean.abs().max().item<double>(), 0);
}

TEST(Systems, MlpFeatureIsTheLayerBeforeTheOutput) {
  Built built(small_mlp(System::kBiGan));
  const Code code = built.nets.encoder->forward(pattern({4, 1, 28, 28}, 0.1));
  EXPECT_EQ(code.feature.sizes(), (std::vector<int64_t>{4, 2}));
  EXPECT_LT(code.mean.abs().max().item<double>(), 1);
  const auto& parameters = built.nets.encoder->store().parameters();
  EXPECT_EQ(parameters.back().name, "output.weight");
  // float64; the program takes tanh(t / 2) instead.
  const at::Tensor expected =
      2 * at::sigmoid(at::linear(code.feature, parameters.back().tensor)) - 1;
  EXPECT_TRUE(at::allclose(code.mean, expected, 0, 1e-14)) << code.mean - expected;
}

ModelOptions small_conv(System system) {
  ModelOptions options = small(system);
  options.block = Block::kBiGan;
  options.d_norm = DNorm::kBatch;
  options.e_head_depth = 0;
  options.e_stochastic = false;
  options.prior = Prior::kUniform;
  options.check();
  return options;
}

TEST(Systems, OfBigansConvolutionsStartWithScoresOfZeroAtEveryMultipleOf16) {
  for (const System system : {System::kBiGan, System::kGan}) {
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
      EXPECT_EQ(scores.x.defined(), system == System::kGan);
      EXPECT_EQ(scores.xz.defined(), system == System::kBiGan);
      EXPECT_FALSE(scores.z.defined());
      const at::Tensor score = system == System::kGan ? scores.x : scores.xz;
      EXPECT_TRUE(at::equal(score, at::zeros({4}, at::kDouble)));
    }
  }
}

const at::Tensor& parameter(const nn::Network& network, const std::string& name) {
  for (const nn::NamedTensor& entry : network.store().parameters()) {
    if (entry.name == name) return entry.tensor;
  }
  throw std::runtime_error("no parameter " + name);
}

// N(0, 0.02 k^2) in the paper's code, k = 5; its other weights have 0.02.
TEST(Systems, MapsOfTheCodeBesideConvolutionsStart25TimesAsWide) {
  ModelOptions options = small_conv(System::kBiGan);
  options.init = nn::Init::kNormal02;
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
  options.init = nn::Init::kOrthogonal;
  Built orthogonal(options);
  const at::Tensor& rows = parameter(*orthogonal.nets.discriminator, "H.weight");
  EXPECT_TRUE(at::allclose(rows.mm(rows.t()), at::eye(112, at::kDouble), 0, 1e-12));
}

// conv5 has 4x4 positions at 64 px and 7x7 at 112, the sizes of E in the paper.
TEST(Systems, AlexNetFeatureIsTheLastMapAndTheLayerBeforeTheOutput) {
  for (const auto& [size, side] : {std::pair<int64_t, int64_t>{64, 4}, {112, 7}, {67, 5}}) {
    ModelOptions options = small_conv(System::kBiGan);
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

// The feature is what the score of the image reads, where D has such a score.
TEST(Systems, FeatureOfDIsWhatItsScoreOfTheImageReads) {
  for (const ModelOptions& options :
       {small_mlp(System::kGan), small_mlp(System::kBiGan), small_conv(System::kGan),
        small_conv(System::kBiGan), small(System::kGan), small(System::kBigBiGan)}) {
    SCOPED_TRACE(core::word_of(kSystems, options.system) + " " +
                 core::word_of(kBlocks, options.block));
    Built built(options);
    Discriminator& discriminator = *built.nets.discriminator;
    discriminator.set_mode(nn::Mode::kEvaluate);
    const at::Tensor x =
        pattern({4, options.channels, options.resolution, options.resolution}, 0.1);
    const at::Tensor feature = discriminator.feature(x);
    if (!options.active_terms().x) {
      EXPECT_TRUE(at::equal(feature, discriminator.image_features(x).flatten(1)));
      continue;
    }
    // The score is linear: another weight of score_x gives what that weight makes of the feature.
    at::Tensor bias = at::zeros({1}, at::kDouble);
    for (const auto& [name, tensor] : discriminator.store().parameters()) {
      if (name == "score_x.bias") bias = tensor;
      if (name != "score_x.weight") continue;
      const at::NoGradGuard no_grad;
      at::Tensor(tensor).copy_(pattern(tensor.sizes(), 0.7));
      discriminator.begin_substep();
    }
    const at::Tensor score = discriminator.forward(x, pattern({4, 8}, 1.3)).x - bias;
    // Up to the factor of spectral norm.
    const at::Tensor direct = at::matmul(feature, pattern({feature.size(1)}, 0.7));
    EXPECT_TRUE(at::allclose(score / score[0], direct / direct[0], 1e-9, 1e-12));
  }
}

TEST(Systems, LogitsOfTheUniformPriorGiveItsCode) {
  ModelOptions options = small(System::kBiGan);
  options.e_stochastic = false;
  const at::Tensor x = pattern({4, 3, 32, 32}, 0.1);
  Built normal(options);
  EXPECT_FALSE(normal.nets.encoder->forward(x).logits.defined());
  options.prior = Prior::kUniform;
  Built uniform(options);
  const Code code = uniform.nets.encoder->forward(x);
  EXPECT_TRUE(at::allclose(code.mean, 2 * at::sigmoid(code.logits) - 1, 1e-12, 1e-14));
}

TEST(Systems, CodesOfTheUniformPriorStayWithinIt) {
  ModelOptions options = small(System::kBiGan);
  options.prior = Prior::kUniform;
  options.e_stochastic = false;
  Built built(options);
  const at::Tensor code = built.nets.encoder->forward(pattern({4, 3, 32, 32}, 0.1) * 50).sample({});
  EXPECT_LT(code.abs().max().item<double>(), 1);
  EXPECT_GT(code.abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace bbg::model
