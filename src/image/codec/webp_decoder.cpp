#include "image/codec/webp_decoder.h"

#include <webp/decode.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "image/codec/colour.h"

namespace bbg::image {

namespace {

const char* text_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "libwebp lacks memory";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "libwebp does not support it";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "Premature end of WebP file";
    default:
      return "Corrupt WebP data";
  }
}

// Smooth upsampling of chroma reads beyond a pixel's own sample, and samples are 2 pixels wide: the
// decoder cuts a margin off, at even places.
Window with_margin(const Window& window, const ImageSize& size) {
  const int64_t top = std::max<int64_t>((window.top - 2) & ~int64_t{1}, 0);
  const int64_t left = std::max<int64_t>((window.left - 2) & ~int64_t{1}, 0);
  return {.top = top,
          .left = left,
          .height = std::min(window.top + window.height + 2, size.height) - top,
          .width = std::min(window.left + window.width + 2, size.width) - left};
}

}  // namespace

Problem WebpDecoder::read_header(std::span<const uint8_t> bytes, ImageSize& size) {
  bytes_ = bytes;
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status != VP8_STATUS_OK) return text_of(status);
  if (features.has_animation != 0) return "it is animated";
  has_alpha_ = features.has_alpha != 0;
  size = size_ = {.height = features.height, .width = features.width};
  return check_size(size.height, size.width);
}

Problem WebpDecoder::read(const Window& window, const DecodeOptions& options,
                          std::vector<uint8_t>& memory, Pixels& out) {
  WebPDecoderConfig config;
  BBG_CHECK(WebPInitDecoderConfig(&config), "libwebp has the version of its header");
  const PixelKind kind = has_alpha_ ? PixelKind::kRgba : PixelKind::kRgb;
  const Window cut = with_margin(window, size_);
  const int64_t stride = cut.width * channels_of(kind);
  decoded_.resize(static_cast<size_t>(cut.height * stride));
  config.options.use_cropping = 1;
  config.options.crop_top = static_cast<int>(cut.top);
  config.options.crop_left = static_cast<int>(cut.left);
  config.options.crop_height = static_cast<int>(cut.height);
  config.options.crop_width = static_cast<int>(cut.width);
  config.output.colorspace = has_alpha_ ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {
      .rgba = decoded_.data(), .stride = static_cast<int>(stride), .size = decoded_.size()};
  const VP8StatusCode status = WebPDecode(bytes_.data(), bytes_.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return text_of(status);
  uint8_t* pixels = dense_room(window, options.channels, memory, out);
  const ConvertRow convert = conversion(kind, options);
  for (int64_t y = 0; y < window.height; ++y) {
    const uint8_t* in = decoded_.data() + (window.top - cut.top + y) * stride +
                        (window.left - cut.left) * channels_of(kind);
    uint8_t* row = pixels + y * out.stride;
    if (convert == nullptr) {
      std::memcpy(row, in, static_cast<size_t>(out.row_bytes()));
    } else {
      convert(in, window.width, row);
    }
  }
  return {};
}

}  // namespace bbg::image
