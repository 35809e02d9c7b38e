#pragma once
// Which networks a run has. The defaults are the paper's choices at 32 px; docs/options.md lists
// every key.

#include <cstdint>
#include <string>

#include "core/options.h"

namespace bbg::model {

struct ModelOptions {
  std::string system = "bigbigan";
  int64_t resolution = 32;
  int64_t channels = 3;
  int64_t z_dim = 80;

  std::string block = "residual";  // residual: BigGAN blocks; strided: 4x4 stride-2 convolutions
  std::string layout = "cg";       // widths of the residual networks at 32 px (docs/choices.md 11)
  int64_t width = 64;              // "ch" of the papers
  std::string g_condition = "single";
  std::string d_norm = "sn";
  std::string init = "orthogonal", h_init = "same";

  int64_t h_width = 512, h_depth = 4;
  int64_t j_width = 512, j_depth = 4;

  bool e_stochastic = true;
  int64_t e_width = 32;
  int64_t e_head_width = 256, e_head_depth = 2;

  double bn_eps = 1e-5, bn_momentum = 0.1;
  double sn_eps = 1e-6;

  void declare(core::OptionTable& table);
  // Throws UsageError where values do not fit together (z-dim and chunks, resolution and blocks).
  void check() const;
};

}  // namespace bbg::model
