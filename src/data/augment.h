#pragma once
// Random changes of training images. What happens to a sample depends on (seed, draw, slot of the
// global batch) alone, never on the rank that reads it.

#include <cstdint>
#include <span>

#include "data/flip.h"

namespace bbg::data {

// Whether this sample is mirrored: one in two.
bool is_flipped(uint64_t seed, int64_t draw, int64_t slot);

// The corner at the top left of a square crop.
struct Corner {
  int64_t top, left;
};

// Draws the corner of this sample, uniform over all places where the crop lies within height x
// width. Independent of is_flipped.
Corner random_corner(uint64_t seed, int64_t draw, int64_t slot, int64_t height, int64_t width,
                     int64_t crop);

// In the middle (an odd rest is left on the right or below).
Corner centre_corner(int64_t height, int64_t width, int64_t crop);

// Brings the crop to the front, in place: what begins as [height, width, channels] begins as
// [crop, crop, channels] afterwards.
void crop_to_front(std::span<uint8_t> pixels, int64_t width, int64_t channels, int64_t crop,
                   Corner corner);

}  // namespace bbg::data
