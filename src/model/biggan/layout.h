#pragma once
// Widths, resolutions and attention places of the residual networks, in multiples of the base width
// (Brock et al. 2019, tables of appendix B; docs/choices.md 11).

#include <cstdint>
#include <vector>

#include "model/model_options.h"

namespace bbg::model {

struct UpBlock {
  int64_t in, out, resolution;  // resolution of the output
  bool attention;
};

struct DownBlock {
  int64_t in, out, resolution;  // in = 0: the image
  bool down, attention;
};

// Blocks of G from 4x4 up, and of D down to its last. UsageError for a resolution or a place of
// attention that is not known.
std::vector<UpBlock> generator_layout(const ModelOptions& options);
std::vector<DownBlock> discriminator_layout(const ModelOptions& options);

}  // namespace bbg::model
