#include "data/augment.h"

#include <algorithm>

#include "core/rng.h"

namespace bbg::data {

namespace {

// Its first number is for the flip, those after it are for the crop.
core::RandomStream stream_of(uint64_t seed, int64_t draw, int64_t slot) {
  return {seed, core::Purpose::kAugment, static_cast<uint64_t>(draw), static_cast<uint64_t>(slot)};
}

}  // namespace

bool is_flipped(uint64_t seed, int64_t draw, int64_t slot) {
  return stream_of(seed, draw, slot).next_uint32() >> 31 != 0;
}

Corner random_corner(uint64_t seed, int64_t draw, int64_t slot, int64_t height, int64_t width,
                     int64_t crop) {
  core::RandomStream stream = stream_of(seed, draw, slot);
  stream.next_uint32();
  Corner corner;
  corner.top = static_cast<int64_t>(stream.next_below(static_cast<uint64_t>(height - crop + 1)));
  corner.left = static_cast<int64_t>(stream.next_below(static_cast<uint64_t>(width - crop + 1)));
  return corner;
}

Corner centre_corner(int64_t height, int64_t width, int64_t crop) {
  return {.top = (height - crop) / 2, .left = (width - crop) / 2};
}

void crop_to_front(std::span<uint8_t> pixels, int64_t width, int64_t channels, int64_t crop,
                   Corner corner) {
  // Rows move towards the front, the first one first: none is overwritten before it has moved.
  for (int64_t y = 0; y < crop; ++y) {
    const auto row = pixels.begin() + ((corner.top + y) * width + corner.left) * channels;
    std::copy(row, row + crop * channels, pixels.begin() + y * crop * channels);
  }
}

}  // namespace bbg::data
