#pragma once
// Which networks of others measure what is generated.

#include <cstdint>
#include <string>

#include "core/options.h"
#include "extractor/image_input.h"

namespace bbg::extractor {

struct ExtractorOptions {
  std::string inception;  // files; empty: none
  std::string network;
  std::string inception_statistics, network_statistics;  // files; empty: of the training images
  int64_t size = 224;
  Resize resize = Resize::kPillowBicubic;
  Range range = Range::kImageNet;
  std::string output;

  void declare(core::OptionTable& table);
  ImageInput input() const { return {resize, size, range}; }
};

}  // namespace bbg::extractor
