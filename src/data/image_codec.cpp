#include "data/image_codec.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "data/jpeg_decoder.h"
#include "data/png_decoder.h"

namespace bbg::data {

namespace {

bool starts_with(std::span<const std::byte> bytes, std::span<const uint8_t> magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](uint8_t a, std::byte b) { return std::byte{a} == b; });
}

constexpr std::array<uint8_t, 3> kJpegMagic = {0xFF, 0xD8, 0xFF};
constexpr std::array<uint8_t, 8> kPngMagic = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

// ITU-R BT.601 luma in 16-bit fixed point; the weights add up to 65536, so that grey stays itself.
uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

}  // namespace

core::Image with_channels(core::Image image, int64_t channels) {
  if (image.channels == channels) return image;
  core::Image out{.height = image.height, .width = image.width, .channels = channels, .pixels = {}};
  out.pixels.reserve(static_cast<size_t>(out.height * out.width * channels));
  if (channels == 3) {
    for (const uint8_t grey : image.pixels) out.pixels.insert(out.pixels.end(), 3, grey);
  } else {
    for (size_t i = 0; i < image.pixels.size(); i += 3)
      out.pixels.push_back(luma(&image.pixels[i]));
  }
  return out;
}

core::Image decode_image(std::span<const std::byte> bytes, int64_t channels,
                         const std::string& name) {
  BBG_CHECK(channels == 1 || channels == 3, "images have 1 or 3 channels");
  std::string problem;
  core::Image image;
  if (starts_with(bytes, kJpegMagic)) {
    problem = decode_jpeg(bytes, image);
  } else if (starts_with(bytes, kPngMagic)) {
    problem = decode_png(bytes, image);
  } else {
    problem = bytes.empty() ? "it is empty" : "it is neither JPEG nor PNG, whatever its name";
  }
  if (!problem.empty()) {
    throw core::UsageError("cannot decode " + name + ": " + problem,
                           "repair or remove the file, or leave such files out with --skip-bad");
  }
  return with_channels(std::move(image), channels);
}

}  // namespace bbg::data
