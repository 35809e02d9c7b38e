#include "report/image_grid.h"

#include <algorithm>

#include "core/error.h"

namespace bbg::report {

core::Image make_grid(const std::vector<core::Image>& images, int64_t columns, int64_t padding) {
  BBG_CHECK(!images.empty() && columns > 0 && padding >= 0, "a grid of nothing");
  const core::Image& first = images.front();
  const auto count = static_cast<int64_t>(images.size());
  columns = std::min(columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  core::Image grid{.height = rows * (first.height + padding) + padding,
                   .width = columns * (first.width + padding) + padding,
                   .channels = first.channels,
                   .pixels = {}};
  grid.pixels.assign(static_cast<size_t>(grid.width * grid.height * grid.channels), 255);
  const int64_t row_bytes = first.width * first.channels;
  for (int64_t i = 0; i < count; ++i) {
    const core::Image& image = images[static_cast<size_t>(i)];
    BBG_CHECK(image.width == first.width && image.height == first.height &&
                  image.channels == first.channels,
              "images of a grid differ in size");
    const int64_t left = padding + i % columns * (first.width + padding);
    const int64_t top = padding + i / columns * (first.height + padding);
    for (int64_t y = 0; y < image.height; ++y) {
      std::copy_n(image.pixels.begin() + y * row_bytes, row_bytes,
                  grid.pixels.begin() + ((top + y) * grid.width + left) * grid.channels);
    }
  }
  return grid;
}

}  // namespace bbg::report
