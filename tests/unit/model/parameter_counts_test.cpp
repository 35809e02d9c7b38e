// Numbers of parameters against published ones. Sources: compare_gan (google/compare_gan, comments
// in resnet_biggan.py) and BigGAN-PyTorch (ajbrock) state theirs; Brock et al. 2019 gives G + D in
// millions; the others follow from these by hand (docs/choices.md C6). Networks are built on the
// meta device, so nothing is computed.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "model/biggan/layout.h"
#include "model/nets.h"
#include "ops/plain_ops.h"

namespace bbg::model {
namespace {

ModelOptions biggan(int64_t resolution, int64_t z_dim, int64_t width = 96) {
  ModelOptions options;
  options.system = System::kBigGan;
  options.g_condition = GCondition::kClass;
  options.num_classes = 1000;
  options.resolution = resolution;
  options.z_dim = z_dim;
  options.width = width;
  options.layout = Layout::kBigGanPyTorch;
  return options;
}

Nets build(const ModelOptions& options) {
  static comm::SelfCommunicator communicator;
  static ops::PlainOps plain;
  return make_nets(options, {communicator, plain, at::TensorOptions(at::kMeta).dtype(at::kFloat)},
                   1);
}
int64_t generator(const ModelOptions& options) {
  return build(options).generator->num_parameters();
}
int64_t discriminator(const ModelOptions& options) {
  return build(options).discriminator->num_parameters();
}
ModelOptions with(ModelOptions options, void (*edit)(ModelOptions&)) {
  edit(options);
  return options;
}
void single_label(ModelOptions& options) { options.g_condition = GCondition::kSingle; }
void chunks_alone(ModelOptions& options) { options.g_condition = GCondition::kNone; }
void comparegans_skip(ModelOptions& options) { options.d_skip = DSkip::kCompareGan; }

TEST(ParameterCounts, BigGanAt128) {
  EXPECT_EQ(generator(biggan(128, 120)), 70'433'988);
  EXPECT_EQ(discriminator(biggan(128, 120)), 87'982'370);
  EXPECT_EQ(generator(with(biggan(128, 120), single_label)), 70'306'116);
  EXPECT_EQ(discriminator(with(biggan(128, 120), single_label)), 86'446'370);
  EXPECT_EQ(generator(with(biggan(128, 120), chunks_alone)), 68'413'636);
}

TEST(ParameterCounts, BigGanAt128WithWidth64) {
  EXPECT_EQ(generator(biggan(128, 120, 64)), 31'978'628);
  EXPECT_EQ(discriminator(biggan(128, 120, 64)), 39'448'258);
  EXPECT_EQ(generator(with(biggan(128, 120, 64), single_label)), 31'850'756);
  EXPECT_EQ(discriminator(with(biggan(128, 120, 64), single_label)), 38'424'258);
}

TEST(ParameterCounts, BigGanAt256And512) {
  EXPECT_EQ(generator(biggan(256, 140)), 82'097'604);
  EXPECT_EQ(generator(with(biggan(256, 140), [](ModelOptions& o) { o.g_attention = "64"; })),
            82'235'844);
  EXPECT_EQ(discriminator(biggan(256, 140)), 99'225'890);
  EXPECT_EQ(discriminator(with(biggan(256, 140), comparegans_skip)), 98'635'298);
  EXPECT_EQ(generator(biggan(512, 160)), 82'468'068);
  EXPECT_EQ(generator(biggan(512, 128)), 82'296'804);
  EXPECT_EQ(discriminator(biggan(512, 160)), 99'401'282);
  EXPECT_EQ(discriminator(with(biggan(512, 160), comparegans_skip)), 98'801'378);
}

TEST(ParameterCounts, BigGanAt32And64) {
  EXPECT_EQ(generator(biggan(64, 120, 64)), 31'969'540);
  EXPECT_EQ(discriminator(biggan(64, 120, 64)), 20'571'842);
  EXPECT_EQ(generator(biggan(32, 128, 64)), 4'499'971);
  EXPECT_EQ(discriminator(biggan(32, 128, 64)), 4'460'801);
  const auto unsplit = with(biggan(32, 128, 64), [](ModelOptions& o) { o.g_split_z = false; });
  EXPECT_EQ(generator(unsplit), 4'794'883);
  const auto per_class = with(unsplit, [](ModelOptions& o) {
    o.g_embedding = 0;
    o.num_classes = 10;
  });
  EXPECT_EQ(generator(per_class), 4'304'387);
  EXPECT_EQ(discriminator(per_class), 4'207'361);
}

TEST(ParameterCounts, BigBiGanAt128) {
  ModelOptions options = with(biggan(128, 120), single_label);
  options.system = System::kBigBiGan;
  options.h_width = options.j_width = 2048;
  const Nets nets = build(options);
  EXPECT_EQ(nets.generator->num_parameters(), 70'306'116);
  EXPECT_EQ(nets.discriminator->num_parameters(), 160'379'172);
  int64_t h = 0, j = 0;
  for (const auto& parameter : nets.discriminator->store().parameters()) {
    if (parameter.name.rfind("H.", 0) == 0) h += parameter.tensor.numel();
    if (parameter.name.rfind("J.", 0) == 0) j += parameter.tensor.numel();
  }
  EXPECT_EQ(h, 29'870'080);
  EXPECT_EQ(j, 44'058'624);
}

TEST(ParameterCounts, EncodersOfBigBiGan) {
  const auto encoder = [](EncoderKind kind, int64_t width) {
    ModelOptions options = with(biggan(128, 120), single_label);
    options.system = System::kBigBiGan;
    options.encoder = kind;
    options.e_width = width;
    options.e_resolution = 256;
    options.e_head_width = 4096;
    options.check();
    return build(options).encoder->num_parameters();
  };
  EXPECT_EQ(encoder(EncoderKind::kResNet50, 64), 91'612'976);
  EXPECT_EQ(encoder(EncoderKind::kRevNet50, 256), 204'209'904);
}

ModelOptions bigan_mnist() {
  ModelOptions options;
  options.system = System::kBiGan;
  options.block = Block::kMlp;
  options.resolution = 28;
  options.channels = 1;
  options.z_dim = 50;
  options.prior = Prior::kUniform;
  options.width = options.e_width = 1024;
  options.d_norm = DNorm::kBatch;
  options.e_stochastic = false;
  options.e_head_depth = 0;
  return options;
}

// No biases and no gains anywhere.
TEST(ParameterCounts, BiganOnMnist) {
  const ModelOptions options = bigan_mnist();
  options.check();
  const Nets nets = build(options);
  EXPECT_EQ(nets.generator->num_parameters(), 1'953'792);
  EXPECT_EQ(nets.encoder->num_parameters(), 1'902'592);
  EXPECT_EQ(nets.discriminator->num_parameters(), 1'903'616);
  // A GAN of the same kind: D without the map of the code.
  const ModelOptions gan = with(options, [](ModelOptions& o) { o.system = System::kGan; });
  gan.check();
  EXPECT_EQ(generator(gan), 1'953'792);
  EXPECT_EQ(discriminator(gan), 1'903'616 - 50 * 1024);
}

ModelOptions bigan_imagenet() {
  ModelOptions options;
  options.system = System::kBiGan;
  options.block = Block::kBiGan;
  options.resolution = 64;
  options.z_dim = 200;
  options.prior = Prior::kUniform;
  options.d_norm = DNorm::kBatch;
  options.e_stochastic = false;
  options.e_head_depth = 0;
  return options;
}
int64_t tensors_of(const nn::Network& network) {
  return static_cast<int64_t>(network.store().parameters().size());
}

// Convolutions without biases, gain and bias for each channel that is normalised, and for each of
// the 8192 numbers that G's first map makes; the code through a map to each of these convolutions.
TEST(ParameterCounts, BiganOnImageNet) {
  const ModelOptions options = bigan_imagenet();
  options.check();
  const Nets nets = build(options);
  const int64_t z = 200, convs = 25 * (64 * 128 + 128 * 256 + 256 * 512);
  const int64_t g = 8192 * (z + 2) + convs + (256 + 128 + 64) * (z + 2) + 25 * 64 * 3;
  const int64_t alexnet = 121 * 3 * 96 + 25 * 48 * 256 + 9 * (256 * 384 + 192 * 384 + 192 * 256) +
                          2 * (256 + 384 + 384 + 256);
  const int64_t d = 25 * 3 * 64 + convs + (128 + 256 + 512) * (z + 2) + 8192;
  EXPECT_EQ(g, 6'050'880);
  EXPECT_EQ(alexnet, 2'335'264);
  EXPECT_EQ(d, 4'494'784);
  EXPECT_EQ(nets.generator->num_parameters(), g);
  EXPECT_EQ(nets.encoder->num_parameters(), alexnet + 256 * 4 * 4 * z);
  EXPECT_EQ(nets.discriminator->num_parameters(), d);
  // The code's README counts 28, 26 and 23 tensors in the files of weights, three to each norm that
  // are no parameters (count, mean, variance), and one map of the code to each convolution.
  EXPECT_EQ(tensors_of(*nets.generator), 28 - 4 * 3 - 2);
  EXPECT_EQ(tensors_of(*nets.encoder), 26 - 4 * 3);
  EXPECT_EQ(tensors_of(*nets.discriminator), 23 - 3 * 3 - 2);

  const ModelOptions large_e = with(options, [](ModelOptions& o) { o.e_resolution = 112; });
  large_e.check();
  EXPECT_EQ(build(large_e).encoder->num_parameters(), alexnet + 256 * 7 * 7 * z);
  const ModelOptions gan = with(options, [](ModelOptions& o) { o.system = System::kGan; });
  gan.check();
  EXPECT_EQ(generator(gan), g);
  EXPECT_EQ(discriminator(gan), d - (128 + 256 + 512) * z);
}

TEST(Layout, BlocksFollowEachOtherAtEveryResolution) {
  for (const Layout layout : {Layout::kCompareGan, Layout::kStudioGan, Layout::kBigGanPyTorch}) {
    for (const int64_t resolution : {32, 64, 128, 256, 512}) {
      ModelOptions options;
      options.layout = layout;
      options.resolution = resolution;
      const auto up = generator_layout(options);
      for (size_t i = 0; i < up.size(); ++i) {
        EXPECT_EQ(up[i].resolution, int64_t{8} << i);
        if (i > 0) {
          EXPECT_EQ(up[i].in, up[i - 1].out);
        }
      }
      EXPECT_EQ(up.back().resolution, resolution);
      const auto down = discriminator_layout(options);
      int64_t size = resolution;
      for (size_t i = 0; i < down.size(); ++i) {
        if (down[i].down) size /= 2;
        EXPECT_EQ(down[i].resolution, size);
        EXPECT_EQ(down[i].in, i == 0 ? 0 : down[i - 1].out);
      }
      EXPECT_FALSE(down.back().down);
      EXPECT_EQ(down.back().resolution, resolution == 32 && layout != Layout::kCompareGan ? 8 : 4);
    }
  }
}

TEST(Layout, AttentionStandsWhereItIsAskedFor) {
  ModelOptions options;
  options.resolution = 128;
  options.g_attention = "16 64";
  options.d_attention = "none";
  std::vector<int64_t> places;
  for (const UpBlock& block : generator_layout(options)) {
    if (block.attention) places.push_back(block.resolution);
  }
  EXPECT_EQ(places, (std::vector<int64_t>{16, 64}));
  for (const DownBlock& block : discriminator_layout(options)) EXPECT_FALSE(block.attention);
  options.g_attention = "48";
  EXPECT_THROW(generator_layout(options), core::UsageError);
  options.g_attention = "wide";
  EXPECT_THROW(generator_layout(options), core::UsageError);
}

TEST(ModelOptions, RefusesWhatDoesNotFitTogether) {
  const auto refuse = [](void (*edit)(ModelOptions&)) {
    ModelOptions options;
    edit(options);
    EXPECT_THROW(options.check(), core::UsageError);
  };
  ModelOptions().check();
  refuse([](ModelOptions& o) { o.z_dim = 81; });
  refuse([](ModelOptions& o) { o.resolution = 48; });
  refuse([](ModelOptions& o) { o.block = Block::kStrided, o.resolution = 48; });
  refuse([](ModelOptions& o) { o.d_norm = DNorm::kBatch; });
  refuse([](ModelOptions& o) { o.system = System::kGan, o.terms = TermChoice::kAll; });
  refuse([](ModelOptions& o) { o.terms = TermChoice::kX; });
  refuse([](ModelOptions& o) { o.prior = Prior::kUniform; });
  refuse([](ModelOptions& o) { o.e_resolution = 48; });
  refuse([](ModelOptions& o) { o.resolution = 64, o.z_dim = 80, o.e_resolution = 32; });
  refuse([](ModelOptions& o) { o.g_condition = GCondition::kClass; });
  refuse([](ModelOptions& o) { o.g_embedding = 0; });
  refuse([](ModelOptions& o) {
    o.g_condition = GCondition::kClass, o.num_classes = 3, o.block = Block::kStrided;
  });
}

TEST(ModelOptions, RefuseWhatTheBaselinesOfBiganDoNotHave) {
  const auto expect = [](bool is_accepted, void (*edit)(ModelOptions&)) {
    ModelOptions options;
    options.e_stochastic = false;
    edit(options);
    if (is_accepted) {
      EXPECT_NO_THROW(options.check());
    } else {
      EXPECT_THROW(options.check(), core::UsageError);
    }
  };
  expect(true, [](ModelOptions& o) { o.system = System::kLatentRegressor; });
  expect(true,
         [](ModelOptions& o) { o.system = System::kLatentRegressor, o.terms = TermChoice::kX; });
  expect(true, [](ModelOptions& o) { o.system = System::kLatentRegressor, o.e_resolution = 32; });
  expect(true, [](ModelOptions& o) { o.system = System::kAutoencoder, o.prior = Prior::kUniform; });
  expect(true, [](ModelOptions& o) { o.system = System::kAutoencoder, o.e_resolution = 64; });
  // Nothing is asked of a D that is not there.
  expect(true, [](ModelOptions& o) { o.system = System::kAutoencoder, o.block = Block::kMlp; });
  expect(false,
         [](ModelOptions& o) { o.system = System::kLatentRegressor, o.e_stochastic = true; });
  expect(false,
         [](ModelOptions& o) { o.system = System::kLatentRegressor, o.terms = TermChoice::kXz; });
  expect(false, [](ModelOptions& o) { o.system = System::kLatentRegressor, o.e_resolution = 64; });
  expect(false, [](ModelOptions& o) { o.system = System::kAutoencoder, o.e_stochastic = true; });
  expect(false, [](ModelOptions& o) { o.system = System::kAutoencoder, o.terms = TermChoice::kX; });
}

TEST(ModelOptions, GivesMlpBlocksOneScoreBatchNormAndAnySize) {
  const auto expect = [](bool is_accepted, void (*edit)(ModelOptions&)) {
    ModelOptions options = bigan_mnist();
    edit(options);
    if (is_accepted) {
      EXPECT_NO_THROW(options.check());
    } else {
      EXPECT_THROW(options.check(), core::UsageError);
    }
  };
  expect(true, [](ModelOptions& o) { o.resolution = 9, o.channels = 3; });
  expect(true, [](ModelOptions& o) { o.e_resolution = 56; });
  expect(true, [](ModelOptions& o) { o.terms = TermChoice::kXz; });
  expect(true, [](ModelOptions& o) { o.prior = Prior::kNormal, o.e_stochastic = true; });
  expect(true, [](ModelOptions& o) { o.resolution = 32, o.encoder = EncoderKind::kSmall; });
  expect(false, [](ModelOptions& o) { o.encoder = EncoderKind::kSmall; });
  expect(false, [](ModelOptions& o) { o.system = System::kBigBiGan; });
  expect(false, [](ModelOptions& o) { o.terms = TermChoice::kXAndXz; });
  expect(false, [](ModelOptions& o) { o.terms = TermChoice::kZAndXz; });
  expect(false, [](ModelOptions& o) { o.d_norm = DNorm::kSpectral; });
  expect(false, [](ModelOptions& o) { o.g_condition = GCondition::kClass, o.num_classes = 3; });
}

TEST(ModelOptions, GivesBiganBlocksOneScoreBatchNormAndMultiplesOf16) {
  const auto expect = [](bool is_accepted, void (*edit)(ModelOptions&)) {
    ModelOptions options = bigan_imagenet();
    edit(options);
    if (is_accepted) {
      EXPECT_NO_THROW(options.check());
    } else {
      EXPECT_THROW(options.check(), core::UsageError);
    }
  };
  expect(true, [](ModelOptions& o) { o.resolution = 96, o.channels = 1; });
  expect(true, [](ModelOptions& o) { o.e_resolution = 112; });
  expect(true, [](ModelOptions& o) { o.e_resolution = 67; });
  expect(true, [](ModelOptions& o) { o.encoder = EncoderKind::kSmall; });
  expect(true, [](ModelOptions& o) { o.prior = Prior::kNormal, o.e_stochastic = true; });
  expect(true,
         [](ModelOptions& o) { o.block = Block::kStrided, o.encoder = EncoderKind::kAlexNet; });
  expect(false, [](ModelOptions& o) { o.resolution = 72; });
  expect(false, [](ModelOptions& o) { o.e_resolution = 63; });
  expect(false, [](ModelOptions& o) { o.e_width = 31; });
  expect(false, [](ModelOptions& o) { o.system = System::kBigBiGan; });
  expect(false, [](ModelOptions& o) { o.terms = TermChoice::kXAndXz; });
  expect(false, [](ModelOptions& o) { o.d_norm = DNorm::kNone; });
  expect(false, [](ModelOptions& o) { o.g_condition = GCondition::kClass, o.num_classes = 3; });
}

}  // namespace
}  // namespace bbg::model
