#pragma once
// Turns pixels of images into the planes that networks take. Any thread.

#include <cstdint>

namespace bbg::feed {

// [area, channels] bytes of one image -> [channels, area] floats, x / 127.5 - 1.
void to_planes(const uint8_t* pixels, int64_t area, int64_t channels, float* out);

}  // namespace bbg::feed
