#pragma once
// JPEG by libjpeg-turbo. A window costs the entropy decoding of all rows down to its last one, but
// the transform and colours of its own pixels only. For Decoder alone.

#include <memory>

#include "image/codec/format_decoder.h"

namespace bbg::image {

class JpegDecoder final : public FormatDecoder {
 public:
  JpegDecoder();
  ~JpegDecoder() override;

  Problem read_header(std::span<const uint8_t> bytes, ImageSize& size) override;
  Problem read(const Window& window, const DecodeOptions& options, std::vector<uint8_t>& memory,
               Pixels& out) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::image
