#pragma once
// The side that Decoder sees of each file format. One thread each; memory is kept from image to
// image.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "image/codec/decode_options.h"
#include "image/pixels.h"
#include "image/room.h"

namespace bbg::image {

// A header that claims more is damage or an attack. No photograph has as many pixels.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

// Empty, or what is wrong with a file.
using Problem = std::string;

class FormatDecoder {
 public:
  virtual ~FormatDecoder() = default;

  // The size as stored. Takes no memory for pixels, and none after a problem.
  virtual Problem read_header(std::span<const uint8_t> bytes, ImageSize& size) = 0;

  // Once after each read_header() without a problem, whose bytes must still be there. `out` becomes
  // the window, with options.channels; it lies in `memory`, which grows only. Damage below the
  // window goes unseen, unless it is the whole image.
  virtual Problem read(const Window& window, const DecodeOptions& options,
                       std::vector<uint8_t>& memory, Pixels& out) = 0;
};

// Room for a window whose rows lie one behind the other, which `out` becomes; to be written.
inline uint8_t* dense_room(const Window& window, int64_t channels, std::vector<uint8_t>& memory,
                           Pixels& out) {
  uint8_t* pixels = room(memory, window.height * window.width * channels);
  out = dense(pixels, window.height, window.width, channels);
  return pixels;
}

// Says that the header claims too many pixels; else nothing.
inline Problem check_size(int64_t height, int64_t width) {
  if (height > 0 && width > 0 && width <= kMaxPixels && height <= kMaxPixels / width) return {};
  return std::to_string(width) + " x " + std::to_string(height) + " pixels are too " +
         (height > 0 && width > 0 ? "many" : "few");
}

}  // namespace bbg::image
