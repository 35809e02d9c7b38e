#include "image/fit.h"

#include <algorithm>

#include "image/transform.h"

namespace bbg::image {

namespace {

void pad(const Pixels& image, int64_t size, std::span<uint8_t> out) {
  std::fill(out.begin(), out.end(), uint8_t{0});
  const int64_t top = (size - image.height) / 2, left = (size - image.width) / 2;
  for (int64_t y = 0; y < image.height; ++y) {
    std::copy_n(image.row(y), image.row_bytes(),
                out.data() + ((top + y) * size + left) * image.channels);
  }
}

}  // namespace

void fit(const Pixels& image, int64_t size, Fit fit, Resampler& resampler, std::span<uint8_t> out) {
  if (fit == Fit::kPad && image.height <= size && image.width <= size) {
    pad(image, size, out);
  } else {
    resampler.resample(window(image, centre_square(image.height, image.width)), size, size, out);
  }
}

core::Image fit_image(const Pixels& image, int64_t size, Fit fit) {
  core::Image out{.height = size, .width = size, .channels = image.channels, .pixels = {}};
  out.pixels.resize(static_cast<size_t>(size * size * image.channels));
  Resampler resampler(Filter::kArea);
  image::fit(image, size, fit, resampler, out.pixels);
  return out;
}

}  // namespace bbg::image
