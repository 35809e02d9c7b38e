#pragma once
// PNG by libpng. Samples of 16 bits lose their lower byte. For Decoder alone.

#include <memory>

#include "image/codec/format_decoder.h"

namespace bbg::image {

class PngDecoder final : public FormatDecoder {
 public:
  PngDecoder();
  ~PngDecoder() override;

  Problem read_header(std::span<const uint8_t> bytes, ImageSize& size) override;
  Problem read(const Window& window, const DecodeOptions& options, std::vector<uint8_t>& memory,
               Pixels& out) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::image
