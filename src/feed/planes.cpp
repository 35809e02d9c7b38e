#include "feed/planes.h"

// The compiler turns the loops into vectors of the width that the processor has; division and
// subtraction round alike in all of them. Sanitizers cannot start a program with such dispatch.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define BBG_VECTOR_WIDTHS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BBG_VECTOR_WIDTHS
#endif

namespace bbg::feed {

namespace {

inline __attribute__((always_inline)) float value_of(uint8_t x) {
  return static_cast<float>(x) / 127.5f - 1.0f;
}

BBG_VECTOR_WIDTHS void one_plane(const uint8_t* __restrict in, int64_t area, int64_t channels,
                                 float* __restrict out) {
  for (int64_t i = 0; i < area; ++i) out[i] = value_of(in[i * channels]);
}

BBG_VECTOR_WIDTHS void three_planes(const uint8_t* __restrict in, int64_t area,
                                    float* __restrict red, float* __restrict green,
                                    float* __restrict blue) {
  for (int64_t i = 0; i < area; ++i) {
    red[i] = value_of(in[3 * i]);
    green[i] = value_of(in[3 * i + 1]);
    blue[i] = value_of(in[3 * i + 2]);
  }
}

}  // namespace

void to_planes(const uint8_t* pixels, int64_t area, int64_t channels, float* out) {
  if (channels == 3) {
    three_planes(pixels, area, out, out + area, out + 2 * area);
    return;
  }
  for (int64_t c = 0; c < channels; ++c) one_plane(pixels + c, area, channels, out + c * area);
}

}  // namespace bbg::feed
