#pragma once
// Mirrors images. Any thread.

#include <cstdint>
#include <span>

namespace bbg::image {

// Mirrors left and right in place. pixels: [height, width, channels].
void flip_horizontally(std::span<uint8_t> pixels, int64_t height, int64_t width, int64_t channels);

}  // namespace bbg::image
