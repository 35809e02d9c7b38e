#pragma once
// Turns an image of a source into what is stored of it. Keeps its memory from image to image; one
// thread each.

#include <cstdint>
#include <string>
#include <vector>

#include "data_prep/conversion/jpeg_encoder.h"
#include "data_prep/conversion/recipe.h"
#include "data_prep/sources/image_source.h"
#include "image/codec/codec.h"
#include "image/resample.h"

namespace bbg::data_prep {

// Bytes for each of the recipe's sizes.
using Stored = std::vector<std::vector<uint8_t>>;

class Converter {
 public:
  // Both must outlive it.
  Converter(const ImageSource& source, const Recipe& recipe);

  // UsageError where the image is bad. `out` keeps its memory.
  void convert(int64_t index, Stored& out);

 private:
  // The pixels of content_: all, or those that are stored.
  image::Pixels read_pixels(const std::string& place);
  void store_raw(const image::Pixels& pixels, Stored& out);
  void store_jpeg(const image::Pixels& pixels, Stored& out);

  const ImageSource& source_;
  const Recipe& recipe_;
  image::Decoder decoder_;
  image::Resampler resampler_;
  JpegEncoder encoder_;
  Content content_;
  core::Image image_;
  std::vector<uint8_t> decoded_, small_;
};

}  // namespace bbg::data_prep
