#include "image/transform.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace bbg::image {

namespace {

constexpr double kLeastArea = 0.08, kMostArea = 1;
constexpr double kLeastRatio = 3.0 / 4, kMostRatio = 4.0 / 3;
constexpr int kAttempts = 10;

int64_t below(core::RandomStream& stream, int64_t bound) {
  return static_cast<int64_t>(stream.next_below(static_cast<uint64_t>(bound)));
}

double uniform(core::RandomStream& stream, double least, double most) {
  return least + stream.next_uniform() * (most - least);
}

// Half to even.
int64_t rounded(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

Box in_the_middle(int64_t height, int64_t width, int64_t box_height, int64_t box_width) {
  return {.top = (height - box_height) / 2,
          .left = (width - box_width) / 2,
          .height = box_height,
          .width = box_width};
}

Box choose_box(const TransformOptions& options, core::RandomStream& stream, int64_t height,
               int64_t width) {
  const int64_t side = options.is_equal_sized ? options.size : std::min(height, width);
  switch (options.augment) {
    case Augment::kNone:
      return centre_square(height, width, side);
    case Augment::kRandomPlace:
      return random_place(stream, height, width, side);
    case Augment::kRandomArea:
      return random_area_box(stream, height, width);
  }
  BBG_CHECK(false, "an augmentation that choose() does not know");
}

}  // namespace

Box centre_square(int64_t height, int64_t width, int64_t side) {
  return in_the_middle(height, width, side, side);
}

Box centre_square(int64_t height, int64_t width) {
  return centre_square(height, width, std::min(height, width));
}

Box random_place(core::RandomStream& stream, int64_t height, int64_t width, int64_t side) {
  BBG_CHECK(side <= height && side <= width, "a crop larger than its image");
  Box box{.top = 0, .left = 0, .height = side, .width = side};
  box.top = below(stream, height - side + 1);
  box.left = below(stream, width - side + 1);
  return box;
}

Box random_square_on_long_edge(core::RandomStream& stream, int64_t height, int64_t width) {
  return random_place(stream, height, width, std::min(height, width));
}

Box random_area_box(core::RandomStream& stream, int64_t height, int64_t width) {
  const double rows = static_cast<double>(height), columns = static_cast<double>(width);
  for (int i = 0; i < kAttempts; ++i) {
    const double area = rows * columns * uniform(stream, kLeastArea, kMostArea);
    const double ratio = std::exp(uniform(stream, std::log(kLeastRatio), std::log(kMostRatio)));
    Box box;
    box.width = rounded(std::sqrt(area * ratio));
    box.height = rounded(std::sqrt(area / ratio));
    if (box.width < 1 || box.width > width || box.height < 1 || box.height > height) continue;
    box.top = below(stream, height - box.height + 1);
    box.left = below(stream, width - box.width + 1);
    return box;
  }
  const double ratio = columns / rows;
  if (ratio < kLeastRatio) {
    return in_the_middle(height, width, rounded(columns / kLeastRatio), width);
  }
  if (ratio > kMostRatio) return in_the_middle(height, width, height, rounded(rows * kMostRatio));
  return {.top = 0, .left = 0, .height = height, .width = width};
}

Choice choose(const TransformOptions& options, uint64_t seed, int64_t draw, int64_t slot,
              int64_t height, int64_t width) {
  core::RandomStream stream(seed, core::Purpose::kAugment, static_cast<uint64_t>(draw),
                            static_cast<uint64_t>(slot));
  const bool is_heads = stream.next_uint32() >> 31 != 0;
  return {.box = choose_box(options, stream, height, width),
          .is_flipped = options.flip && is_heads};
}

void apply(const Pixels& box, bool is_flipped, int64_t size, Resampler& resampler,
           std::span<uint8_t> out) {
  resampler.resample(box, size, size, out);
  if (is_flipped) flip_horizontally(out, size, size, box.channels);
}

}  // namespace bbg::image
