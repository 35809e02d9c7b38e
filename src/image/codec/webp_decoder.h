#pragma once
// WebP by libwebp: still images, lossy or lossless. For Decoder alone.

#include <vector>

#include "image/codec/format_decoder.h"

namespace bbg::image {

class WebpDecoder final : public FormatDecoder {
 public:
  Problem read_header(std::span<const uint8_t> bytes, ImageSize& size) override;
  Problem read(const Window& window, const DecodeOptions& options, std::vector<uint8_t>& memory,
               Pixels& out) override;

 private:
  std::span<const uint8_t> bytes_;
  ImageSize size_;
  bool has_alpha_ = false;
  std::vector<uint8_t> decoded_;  // before it is cut and converted
};

}  // namespace bbg::image
