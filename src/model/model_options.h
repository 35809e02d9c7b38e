#pragma once
// Which networks a run has. The defaults are the paper's choices at 32 px; docs/options.md lists
// every key.

#include <cstdint>
#include <string>

#include "core/options.h"
#include "model/choices.h"
#include "nn/settings.h"

namespace bbg::model {

// The scores that a system's discriminator gives (Donahue & Simonyan 2019, section 2).
struct Terms {
  bool x = false, z = false, xz = false;
  bool read_code() const { return z || xz; }
};

struct ModelOptions {
  // gan, biggan, latent-regressor: x alone; bigan: xz alone; bigbigan: all three; autoencoder: no D
  System system = System::kBigBiGan;
  TermChoice terms = TermChoice::kAuto;
  int64_t resolution = 32;   // G's and D's
  int64_t e_resolution = 0;  // E's images, from which D's are made; 0: the same
  int64_t channels = 3;
  int64_t z_dim = 80;
  Prior prior = Prior::kNormal;

  Block block = Block::kResidual;
  Layout layout = Layout::kCompareGan;
  int64_t width = 64;   // "ch" of the papers
  int64_t g_width = 0;  // G's, where it differs from D's
  GCondition g_condition = GCondition::kSingle;
  int64_t num_classes = 0;
  bool g_split_z = true;
  int64_t g_embedding = 128;
  std::string g_attention = "auto", d_attention = "auto";
  DSkip d_skip = DSkip::kBigGanPyTorch;
  DNorm d_norm = DNorm::kSpectral;
  nn::Init init = nn::Init::kOrthogonal;
  HInit h_init = HInit::kSame;

  int64_t h_width = 512, h_depth = 4;
  int64_t j_width = 512, j_depth = 4;

  EncoderKind encoder = EncoderKind::kAuto;
  bool e_last_relu = false;
  bool e_stochastic = true;
  int64_t e_width = 32;
  int64_t e_head_width = 256, e_head_depth = 2;

  // Convolutions, linear maps and attention in bfloat16 (nn/layers.h). No key: training sets it
  // (train.precision); what is evaluated has full precision.
  bool in_bfloat16 = false;

  double bn_eps = 1e-5, bn_momentum = 0.1;
  double sn_eps = 1e-6;

  void declare(core::OptionTable& table);
  // Throws UsageError where values do not fit together (z-dim and chunks, resolution and blocks).
  void check() const;

  bool has_encoder() const { return system != System::kGan && system != System::kBigGan; }
  bool has_discriminator() const { return system != System::kAutoencoder; }
  bool is_latent_regressor() const { return system == System::kLatentRegressor; }
  Terms active_terms() const;
  // Side of the images that are read (and cropped): E's, or G's and D's where there is no E or it
  // sees the same.
  int64_t data_resolution() const {
    return has_encoder() && e_resolution > 0 ? e_resolution : resolution;
  }
  int64_t generator_width() const { return g_width > 0 ? g_width : width; }
  EncoderKind encoder_kind() const;  // model.encoder with auto resolved
  nn::Settings network_settings() const {
    return {.init = init,
            .in_bfloat16 = in_bfloat16,
            .bn_eps = bn_eps,
            .bn_momentum = bn_momentum,
            .sn_eps = sn_eps};
  }
  // Labels are read: G's norms and D's projection know the class.
  bool is_conditional() const { return g_condition == GCondition::kClass; }
};

}  // namespace bbg::model
