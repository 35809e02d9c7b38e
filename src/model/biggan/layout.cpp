#include "model/biggan/layout.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "core/error.h"

namespace bbg::model {

namespace {

using Widths = std::vector<int64_t>;

[[noreturn]] void unknown(int64_t resolution) {
  throw core::UsageError("model.resolution = " + std::to_string(resolution) +
                             " is not known for model.block = residual",
                         "residual networks exist at 32, 64, 128, 256 and 512 px; strided ones at "
                         "16, 32, 64 and 128 px (model.block = strided)");
}

// Widths of the seed and of each block's output.
Widths generator_widths(Layout layout, int64_t resolution) {
  static const std::map<int64_t, Widths> widths = {{32, {4, 4, 4, 4}},
                                                   {64, {16, 16, 8, 4, 2}},
                                                   {128, {16, 16, 8, 4, 2, 1}},
                                                   {256, {16, 16, 8, 8, 4, 2, 1}},
                                                   {512, {16, 16, 8, 8, 4, 2, 1, 1}}};
  if (resolution == 64 && layout == Layout::kStudioGan) return {16, 8, 4, 2, 1};
  const auto found = widths.find(resolution);
  if (found == widths.end()) unknown(resolution);
  return found->second;
}

// Widths of each block's output; how many of the blocks halve.
struct TrunkShape {
  Widths widths;
  size_t halvings;
};
TrunkShape discriminator_trunk(Layout layout, int64_t resolution) {
  static const std::map<int64_t, TrunkShape> trunks = {{64, {{1, 2, 4, 8, 16}, 4}},
                                                       {128, {{1, 2, 4, 8, 16, 16}, 5}},
                                                       {256, {{1, 2, 4, 8, 8, 16, 16}, 6}},
                                                       {512, {{1, 1, 2, 4, 8, 8, 16, 16}, 7}}};
  if (resolution == 32) {
    if (layout == Layout::kBigGanPyTorch) return {{4, 4, 4, 4}, 2};
    return {{2, 2, 2, 2}, layout == Layout::kStudioGan ? size_t{2} : size_t{3}};
  }
  if (resolution == 64 && layout == Layout::kCompareGan) return {{2, 4, 8, 16, 16}, 4};
  const auto found = trunks.find(resolution);
  if (found == trunks.end()) unknown(resolution);
  return found->second;
}

int64_t papers_attention(const ModelOptions& options, bool generator) {
  switch (options.resolution) {
    case 32:
      return options.layout == Layout::kStudioGan ? 16 : 0;
    case 64:
      return 32;
    case 256:
      return generator ? 128 : 64;
    default:
      return 64;
  }
}

// Marks the first block of each resolution that is asked for: where several of one resolution
// follow, one attention is meant, not one each (docs/choices.md 16).
template <class Block>
void place_attention(const std::string& key, const std::string& text, int64_t papers,
                     std::vector<Block>& blocks) {
  if (text == "none") return;
  std::istringstream words(text == "auto" ? (papers > 0 ? std::to_string(papers) : "") : text);
  for (std::string word; words >> word;) {
    int64_t resolution = 0;
    std::from_chars(word.data(), word.data() + word.size(), resolution);
    const auto block = std::find_if(blocks.begin(), blocks.end(), [&](const Block& candidate) {
      return candidate.resolution == resolution;
    });
    if (block == blocks.end()) {
      std::string known;
      for (const Block& candidate : blocks) {
        const std::string text_of = std::to_string(candidate.resolution);
        if (known.find(text_of) == std::string::npos)
          known += (known.empty() ? "" : ", ") + text_of;
      }
      throw core::UsageError(key + " = " + text + ": no block ends at '" + word + "'",
                             "blocks end at " + known + " px; none leaves attention out");
    }
    block->attention = true;
  }
}

}  // namespace

std::vector<UpBlock> generator_layout(const ModelOptions& options) {
  const Widths widths = generator_widths(options.layout, options.resolution);
  std::vector<UpBlock> blocks;
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    blocks.push_back({widths[i], widths[i + 1], int64_t{8} << i, false});
  }
  place_attention("model.g-attention", options.g_attention, papers_attention(options, true),
                  blocks);
  return blocks;
}

std::vector<DownBlock> discriminator_layout(const ModelOptions& options) {
  const TrunkShape trunk = discriminator_trunk(options.layout, options.resolution);
  std::vector<DownBlock> blocks;
  int64_t in = 0, resolution = options.resolution;
  for (size_t i = 0; i < trunk.widths.size(); ++i) {
    const bool down = i < trunk.halvings;
    if (down) resolution /= 2;
    blocks.push_back({in, trunk.widths[i], resolution, down, false});
    in = trunk.widths[i];
  }
  place_attention("model.d-attention", options.d_attention, papers_attention(options, false),
                  blocks);
  return blocks;
}

}  // namespace bbg::model
