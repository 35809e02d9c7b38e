#include "model/model_options.h"

#include "core/error.h"
#include "model/families.h"

namespace bbg::model {

void ModelOptions::declare(core::OptionTable& table) {
  table.add(
      "model.system", &system, kSystems,
      "Which system is trained: GAN and BigGAN have G and D with a score of the image; BiGAN "
      "has E too and a score of the pair; BigBiGAN has both and a score of the code; a latent "
      "regressor is a GAN whose E learns the codes of generated images; an autoencoder has G "
      "and E alone");
  table.add("model.terms", &terms, kTermChoices,
            "Scores that D gives, as in the ablations of BigBiGAN: auto takes all of the system's");
  table.add("model.resolution", &resolution, "Height and width of the images of G and D")
      .unit("px")
      .at_least(8);
  table
      .add("model.e-resolution", &e_resolution,
           "Height and width of E's images, and of the data, where D's are smaller: averages of "
           "blocks of E's where this is a multiple of model.resolution, else resampled; 0: the "
           "same as model.resolution")
      .unit("px")
      .at_least(0);
  table.add("model.channels", &channels, "Colour channels of the images").one_of({"1", "3"});
  table
      .add("model.z-dim", &z_dim,
           "Length of the code z; residual G splits it into blocks + 1 equal chunks")
      .at_least(1);
  table.add("model.prior", &prior, kPriors,
            "Law of z: standard normal, or uniform on [-1, 1] (then E is a point within it)");
  table.add(
      "model.block", &block, kBlocks,
      "Kind of blocks: BigGAN's residual ones, 4x4 stride-2 convolutions, the fully connected "
      "layers of BiGAN on MNIST (mlp), for any resolution, or its 5x5 stride-2 convolutions "
      "on ImageNet (bigan), for multiples of 16 px; the last two have one score: xz of BiGAN "
      "or x of GAN");
  table.add("model.layout", &layout, kLayouts,
            "Widths of the residual G and D: compare_gan's, StudioGAN's or BigGAN-PyTorch's; they "
            "differ at 32 and 64 px");
  table.add("model.width", &width, "Base width ch of G and D").unit("channels").at_least(2);
  table.add("model.g-width", &g_width, "Base width of G where it is not D's; 0: model.width")
      .unit("channels")
      .at_least(0);
  table.add("model.g-condition", &g_condition, kGConditions,
            "What the norms of residual G know beside their chunk of z: the class (D then projects "
            "on it), one learned embedding for all images, or nothing");
  table
      .add("model.num-classes", &num_classes, "Classes of the data, with model.g-condition = class")
      .unit("classes")
      .at_least(0);
  table.add("model.g-split-z", &g_split_z,
            "Give each block of residual G its own chunk of z; else all of z enters at the bottom");
  table
      .add("model.g-embedding", &g_embedding,
           "Length of the class embedding that all norms of residual G share; 0: each norm has a "
           "table of gains and biases per class, and z is not split")
      .at_least(0);
  table.add("model.g-attention", &g_attention,
            "Resolutions after which residual G has self-attention, separated by spaces; none; "
            "auto: the papers' (16 at 32 px in layout sg, 32 at 64 px, 64 at 128 and 512 px, 128 "
            "at 256 px)");
  table.add("model.d-attention", &d_attention,
            "The same for residual D (16 at 32 px in layout sg, 32 at 64 px, 64 from 128 px)");
  table.add("model.d-skip", &d_skip, kDSkips,
            "Blocks of residual D of equal widths: bgp has a shortcut (learned where the block "
            "halves), cg has none");
  table.add("model.d-norm", &d_norm, kDNorms,
            "Normalisation in D: spectral, batch (strided blocks; mlp and bigan have no other) or "
            "none (strided)");
  table.add("model.init", &init,
            {{"orthogonal", nn::Init::kOrthogonal},
             {"n02", nn::Init::kNormal02},
             {"xavier", nn::Init::kXavier}},
            "Start of weights: orthogonal, normal with deviation 0.02, or Glorot's uniform");
  table.add("model.h-init", &h_init, kHInits,
            "Start of H and of the score on its output: as model.init says, or orthogonal");
  table.add("model.h-width", &h_width, "Width of H, the residual MLP on codes").at_least(1);
  table.add("model.h-depth", &h_depth, "Blocks of H; 0 passes the code through").at_least(0);
  table.add("model.j-width", &j_width, "Width of J, the residual MLP on both features").at_least(1);
  table.add("model.j-depth", &j_depth, "Blocks of J").at_least(0);
  table.add(
      "model.encoder", &encoder, kEncoderKinds,
      "Trunk of E: a small ResNet (32 to 128 px), 4x4 stride-2 convolutions, ResNet-v2-50 or "
      "-101, the reversible RevNet-50, whose memory does not grow with depth, BiGAN's AlexNet "
      "or its two fully connected layers (any size); auto: small for residual blocks, alexnet "
      "for bigan, else strided or mlp, as the blocks");
  table.add("model.e-last-relu", &e_last_relu,
            "ReLU between the last norm of a ResNet or RevNet and the average pool");
  table.add("model.e-stochastic", &e_stochastic,
            "E gives mean and deviation of a normal distribution, not a point");
  table
      .add("model.e-width", &e_width,
           "Base width of E; the paper's ResNet-50 has 64, its x2 128; RevNet-50 x4 has 256; "
           "AlexNet 32")
      .unit("channels")
      .at_least(1);
  table
      .add("model.e-head-width", &e_head_width,
           "Width of the residual MLP between E's feature and its output")
      .at_least(1);
  table.add("model.e-head-depth", &e_head_depth, "Blocks of that MLP; 0 leaves it out").at_least(0);
  table.add("model.bn-eps", &bn_eps, "Added to the variance in batch normalisation").above(0);
  table.add("model.bn-momentum", &bn_momentum, "Share of the new batch in running statistics")
      .above(0)
      .at_most(1);
  table.add("model.sn-eps", &sn_eps, "Smallest norm that spectral normalisation divides by")
      .above(0);
}

EncoderKind ModelOptions::encoder_kind() const {
  return encoder == EncoderKind::kAuto ? family_of(block).encoder : encoder;
}

Terms ModelOptions::active_terms() const {
  if (!has_discriminator()) return {};
  switch (terms) {
    case TermChoice::kAuto: {
      const bool all = system == System::kBigBiGan, of_pair = system == System::kBiGan;
      return {.x = !of_pair, .z = all, .xz = all || of_pair};
    }
    case TermChoice::kX:
      return {.x = true};
    case TermChoice::kXz:
      return {.xz = true};
    case TermChoice::kXAndXz:
      return {.x = true, .xz = true};
    case TermChoice::kZAndXz:
      return {.z = true, .xz = true};
    case TermChoice::kAll:
      return {.x = true, .z = true, .xz = true};
  }
  BBG_CHECK(false, "a choice of terms that is not known");
}

namespace {

void check_system(const ModelOptions& options) {
  const Terms terms = options.active_terms();
  const std::string pair =
      "model.terms = " + core::word_of(kTermChoices, options.terms) +
      " does not fit model.system = " + core::word_of(kSystems, options.system);
  if (!options.has_discriminator() && options.terms != TermChoice::kAuto) {
    throw core::UsageError(pair + ", which has no discriminator", "set model.terms = auto");
  }
  if (options.is_latent_regressor() && terms.read_code()) {
    throw core::UsageError(pair + ", whose discriminator sees no code",
                           "set model.terms = x, or model.system = bigan or bigbigan");
  }
  if (!options.has_encoder() && terms.read_code()) {
    throw core::UsageError(pair + ", which has no encoder",
                           "set model.terms = x, or model.system = bigan or bigbigan");
  }
  const bool learns_from_d = options.has_discriminator() && !options.is_latent_regressor();
  if (options.has_encoder() && learns_from_d && !terms.read_code()) {
    throw core::UsageError(pair + ": the encoder would learn nothing",
                           "add xz to model.terms, or set model.system = gan");
  }
  if (options.has_encoder() && !learns_from_d && options.e_stochastic) {
    throw core::UsageError("model.system = " + core::word_of(kSystems, options.system) +
                               " does not fit model.e-stochastic = true: nothing would teach E a "
                               "deviation",
                           "set model.e-stochastic = false");
  }
  if (options.is_latent_regressor() && options.data_resolution() != options.resolution) {
    throw core::UsageError("model.system = latent-regressor does not fit model.e-resolution = " +
                               std::to_string(options.e_resolution) + ": E learns from images of G",
                           "set model.e-resolution = 0 or " + std::to_string(options.resolution));
  }
  if (options.prior == Prior::kUniform && options.has_encoder() && options.e_stochastic) {
    throw core::UsageError("model.prior = uniform does not fit model.e-stochastic = true",
                           "set model.e-stochastic = false: E's code must stay within [-1, 1]");
  }
  if (options.e_resolution > 0 && options.has_encoder() &&
      options.e_resolution < options.resolution) {
    throw core::UsageError(
        "model.e-resolution = " + std::to_string(options.e_resolution) +
            " is less than model.resolution = " + std::to_string(options.resolution),
        "D's images are made from E's: choose at least model.resolution, or 0 for the same");
  }
}

void check_condition(const ModelOptions& options) {
  if (options.is_conditional() && options.num_classes < 1) {
    throw core::UsageError("model.g-condition = class needs model.num-classes",
                           "data_prep info says how many classes a data set has");
  }
  if (options.g_embedding == 0 && (options.g_split_z || !options.is_conditional())) {
    throw core::UsageError(
        "model.g-embedding = 0 is a table of gains per class",
        "set model.g-condition = class and model.g-split-z = false, or a length above 0");
  }
}

}  // namespace

void ModelOptions::check() const {
  check_system(*this);
  check_condition(*this);
  family_of(block).check(*this);
  if (has_encoder()) encoder_of(encoder_kind()).check(*this);
}

}  // namespace bbg::model
