#pragma once
// JPEG by libjpeg-turbo, with baseline's Huffman codes read by JpegEntropy. A window costs a pass
// over the codes of all rows down to its last one, but the transform and colours of its own pixels
// only. For Decoder alone.

#include <memory>

#include "data/codec/format_decoder.h"

namespace bbg::data {

class JpegDecoder final : public FormatDecoder {
 public:
  JpegDecoder();
  ~JpegDecoder() override;

  Problem read_header(std::span<const uint8_t> bytes, ImageSize& size) override;
  Problem read(const Window& window, const DecodeOptions& options, uint8_t* pixels) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::data
