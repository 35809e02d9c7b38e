#pragma once
// The options that the layers of every network follow.

namespace bbg::nn {

// The start of weights: orthogonal, N(0, 0.02) or Glorot's uniform. kNone: all parameters are
// zeros, of a network that gets its values from another.
enum class Init { kOrthogonal, kNormal02, kXavier, kNone };

struct Settings {
  Init init = Init::kOrthogonal;
  // Convolutions, linear maps and attention in bfloat16 (nn/layers.h).
  bool in_bfloat16 = false;
  double bn_eps = 1e-5, bn_momentum = 0.1;
  double sn_eps = 1e-6;
};

}  // namespace bbg::nn
