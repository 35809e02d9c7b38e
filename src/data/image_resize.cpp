#include "data/image_resize.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace bbg::data {

namespace {

// The input pixels that make one output pixel, with weights that add up to one.
struct Taps {
  int64_t first;
  std::vector<float> weights;
};

// Output pixel i covers [i, i + 1) * scale of the input; each input pixel counts by the length that
// is covered.
Taps area_taps(int64_t i, double scale, int64_t length) {
  const double begin = static_cast<double>(i) * scale;
  const double end = std::min(begin + scale, static_cast<double>(length));
  Taps taps{.first = static_cast<int64_t>(begin), .weights = {}};
  for (int64_t x = taps.first; x < length && static_cast<double>(x) < end; ++x) {
    const double covered =
        std::min(end, static_cast<double>(x + 1)) - std::max(begin, static_cast<double>(x));
    taps.weights.push_back(static_cast<float>(covered / (end - begin)));
  }
  return taps;
}

// Between the centres of the two nearest input pixels; beyond the outer centres the edge goes on.
Taps linear_taps(int64_t i, double scale, int64_t length) {
  const double last = static_cast<double>(length - 1);
  const double centre = std::clamp((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0, last);
  const auto first = std::min(static_cast<int64_t>(centre), std::max<int64_t>(0, length - 2));
  const auto rest = static_cast<float>(centre - static_cast<double>(first));
  if (length == 1) return {.first = 0, .weights = {1.0f}};
  return {.first = first, .weights = {1.0f - rest, rest}};
}

std::vector<Taps> all_taps(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  std::vector<Taps> taps;
  for (int64_t i = 0; i < to; ++i) {
    taps.push_back(scale >= 1 ? area_taps(i, scale, from) : linear_taps(i, scale, from));
  }
  return taps;
}

core::Image copy_window(const core::Image& image, int64_t top, int64_t left, int64_t height,
                        int64_t width) {
  core::Image out{.height = height, .width = width, .channels = image.channels, .pixels = {}};
  for (int64_t y = 0; y < height; ++y) {
    const auto begin = image.pixels.begin() + ((top + y) * image.width + left) * image.channels;
    out.pixels.insert(out.pixels.end(), begin, begin + width * image.channels);
  }
  return out;
}

}  // namespace

core::Image crop_to_square(const core::Image& image) {
  const int64_t side = std::min(image.height, image.width);
  return copy_window(image, (image.height - side) / 2, (image.width - side) / 2, side, side);
}

// Two passes, rows first; in between are floats, so that rounding happens once.
core::Image resample(const core::Image& image, int64_t height, int64_t width) {
  if (height == image.height && width == image.width) return image;
  const int64_t channels = image.channels;
  const std::vector<Taps> columns = all_taps(image.width, width);
  const std::vector<Taps> rows = all_taps(image.height, height);
  std::vector<float> narrow(static_cast<size_t>(image.height * width * channels));
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* in = image.pixels.data() + y * image.width * channels;
    float* out = narrow.data() + y * width * channels;
    for (const Taps& taps : columns) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        const uint8_t* at = in + taps.first * channels + channel;
        float sum = 0;
        for (const float weight : taps.weights) {
          sum += weight * static_cast<float>(*at);
          at += channels;
        }
        *out++ = sum;
      }
    }
  }
  core::Image result{.height = height, .width = width, .channels = channels, .pixels = {}};
  result.pixels.reserve(static_cast<size_t>(height * width * channels));
  const int64_t stride = width * channels;
  std::vector<float> sums(static_cast<size_t>(stride));
  for (const Taps& taps : rows) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    const float* at = narrow.data() + taps.first * stride;
    for (const float weight : taps.weights) {
      for (int64_t x = 0; x < stride; ++x) sums[static_cast<size_t>(x)] += weight * at[x];
      at += stride;
    }
    for (const float sum : sums) {
      result.pixels.push_back(static_cast<uint8_t>(std::clamp(std::lround(sum), 0L, 255L)));
    }
  }
  return result;
}

core::Image pad(const core::Image& image, int64_t height, int64_t width) {
  BBG_CHECK(image.height <= height && image.width <= width, "image larger than its frame");
  core::Image out{.height = height, .width = width, .channels = image.channels, .pixels = {}};
  out.pixels.assign(static_cast<size_t>(height * width * image.channels), 0);
  const int64_t top = (height - image.height) / 2;
  const int64_t left = (width - image.width) / 2;
  const int64_t row = image.width * image.channels;
  for (int64_t y = 0; y < image.height; ++y) {
    std::copy_n(image.pixels.begin() + y * row, row,
                out.pixels.begin() + ((top + y) * width + left) * image.channels);
  }
  return out;
}

core::Image fit_image(const core::Image& image, int64_t size, Fit fit) {
  if (fit == Fit::kPad && image.height <= size && image.width <= size) {
    return pad(image, size, size);
  }
  return resample(crop_to_square(image), size, size);
}

}  // namespace bbg::data
