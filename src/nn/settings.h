#pragma once
// What the layers of every network follow, whatever the network.

#include <string>

namespace bbg::nn {

struct Settings {
  std::string init = "orthogonal";  // start of weights (nn/parameters.h)
  // Convolutions, linear maps and attention in bfloat16 (nn/layers.h).
  bool in_bfloat16 = false;
  double bn_eps = 1e-5, bn_momentum = 0.1;
  double sn_eps = 1e-6;
};

}  // namespace bbg::nn
