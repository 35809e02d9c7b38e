#pragma once
// Decodes one image of a test.

#include <string>
#include <vector>

#include "image/codec/codec.h"

namespace bbg::test {

inline std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline core::Image decode_image(const std::string& bytes, const image::DecodeOptions& options = {},
                                const std::string& name = "folder/a.jpg") {
  std::vector<uint8_t> memory;
  return copy(image::Decoder(options).decode(bytes_of(bytes), name, memory));
}

}  // namespace bbg::test
