#pragma once
// Random changes of training images. What happens to a sample depends on (seed, draw, slot of the
// global batch) alone, never on the rank that reads it.

#include <cstdint>
#include <span>

namespace bbg::data {

// Whether this sample is mirrored: one in two.
bool is_flipped(uint64_t seed, int64_t draw, int64_t slot);

// Mirrors left and right in place. pixels: [height, width, channels].
void flip_horizontally(std::span<uint8_t> pixels, int64_t height, int64_t width, int64_t channels);

}  // namespace bbg::data
