#pragma once
// Widths, resolutions and attention places of the residual networks (Brock et al. 2019, appendix B;
// at 32 px, where the paper has no table, docs/choices.md 11), in multiples of the base width.

#include <cstdint>
#include <string>
#include <vector>

namespace bbg::model {

struct UpBlock {
  int64_t in, out, resolution;  // resolution of the output
  bool attention;
};

struct DownBlock {
  int64_t in, out, resolution;  // in = 0: the image
  bool down, attention;
};

// Blocks of G from 4x4 up; throws UsageError for a resolution or layout that is not known.
std::vector<UpBlock> generator_layout(const std::string& layout, int64_t resolution);
std::vector<DownBlock> discriminator_layout(const std::string& layout, int64_t resolution);

}  // namespace bbg::model
