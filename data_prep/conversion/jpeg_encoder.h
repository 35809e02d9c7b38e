#pragma once
// Writes JPEG files with libjpeg-turbo: baseline, optimised tables, 4:2:0, so that the same pixels
// give the same bytes. Keeps its memory from call to call; one thread each.

#include <cstdint>
#include <memory>
#include <vector>

#include "image/pixels.h"

namespace bbg::data_prep {

class JpegEncoder {
 public:
  explicit JpegEncoder(int64_t quality);  // 1 to 100
  ~JpegEncoder();

  // image: 1 or 3 channels. `out` keeps its capacity.
  void encode(const image::Pixels& image, std::vector<uint8_t>& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::data_prep
