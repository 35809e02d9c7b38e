#pragma once
// The vocabulary that crosses module borders. Plain data; tensors are libtorch handles (shared, not
// copied).

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bbg::core {

// One rank's slice of a global batch.
struct Batch {
  at::Tensor images;      // [N, C, S, S] float32 in [-1, 1]
  at::Tensor labels;      // [N] int64, -1 where the data set has none
  at::Tensor sample_ids;  // [N] int64, index into the data set
};

// The discriminator's outputs, up to three [N] tensors. An undefined tensor is a term that the
// system lacks: GAN and BigGAN have x, BiGAN has xz, BigBiGAN all three (Donahue & Simonyan 2019,
// section 2).
struct Scores {
  at::Tensor x, z, xz;
};

// Everything a run needs to go on: ordered name -> tensor, and name -> text.
struct StateDict {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::map<std::string, std::string> text;
};

}  // namespace bbg::core
