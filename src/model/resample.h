#pragma once
// What layers and the kernels that make their weights ready speak of.

namespace bbg::model {

// What stands beside a 3x3 convolution of stride 1 and is computed in one with it: exact, and 2.25
// times fewer multiplications.
enum class Resample {
  kNone,
  kUpsampleBefore,  // nearest neighbour x2: together a transposed 4x4 convolution of stride 2
  kPoolAfter,       // mean of 2x2: together a 4x4 convolution of stride 2
};

}  // namespace bbg::model
