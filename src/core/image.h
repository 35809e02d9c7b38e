#pragma once
// One image in host memory, as files and decoders have it. Plain data, without libtorch.

#include <cstdint>
#include <vector>

namespace bbg::core {

struct Image {
  int64_t height = 0, width = 0, channels = 0;  // channels: 1 (grey) or 3 (RGB) where it is shown
  std::vector<uint8_t> pixels;                  // [height, width, channels]
};

}  // namespace bbg::core
