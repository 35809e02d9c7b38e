#include "image/resample.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "image/resample/blend.h"
#include "image/resample/taps.h"
#include "image/resample/turn.h"
#include "image/room.h"

namespace bbg::image {

namespace {

// A line of sums is read and written by fours.
constexpr int64_t kSlack = 3;

// Rows whose columns are blended together: three vectors of the widest kind for three channels.
constexpr int64_t kBlockRows = 64;

int64_t up_to_turned_rows(int64_t rows) { return (rows + kTurnRows - 1) / kTurnRows * kTurnRows; }

}  // namespace

struct Resampler::State {
  Filter filter;
  int64_t height_from = 0, height_to = 0, width_from = 0, width_to = 0;  // sizes of the weights
  Taps rows, columns;
  std::vector<int32_t> line_sums, pixel_sums;
  std::vector<uint8_t> turned, blended, narrow;

  explicit State(Filter the_filter) : filter(the_filter) {}

  void set_sizes(const Pixels& in, int64_t height, int64_t width) {
    if (in.height != height_from || height != height_to) {
      make_taps(filter, in.height, height, rows);
      height_from = in.height;
      height_to = height;
    }
    if (in.width != width_from || width != width_to) {
      make_taps(filter, in.width, width, columns);
      width_from = in.width;
      width_to = width;
    }
  }

  // Rows first: as many sums as the smaller height has are added along columns.
  void mean_over_area(const Pixels& in, int64_t width, uint8_t* out) {
    const int64_t total = rows.sum * columns.sum, bytes = width * in.channels;
    if (255 * total > INT32_MAX) return mean_over_large_area(in, out);
    int32_t* lines = room(line_sums, in.row_bytes() + columns.most * in.channels + kSlack);
    int32_t* pixels = room(pixel_sums, bytes + kSlack);
    for (const Taps::Range& row : rows.ranges) {
      add_lines({.data = in.data, .stride = in.stride, .bytes = in.row_bytes()}, row, lines);
      add_pixels(lines, in.channels, columns, pixels);
      divide_to_bytes({pixels, static_cast<size_t>(bytes)}, total, out);
      out += bytes;
    }
  }

  // The same with wider sums: sides whose lengths have little in common, of 2,900 pixels and more.
  void mean_over_large_area(const Pixels& in, uint8_t* out) {
    const int64_t total = rows.sum * columns.sum;
    int32_t* lines = room(line_sums, in.row_bytes());
    for (const Taps::Range& row : rows.ranges) {
      add_lines({.data = in.data, .stride = in.stride, .bytes = in.row_bytes()}, row, lines);
      for (const Taps::Range& column : columns.ranges) {
        for (int64_t channel = 0; channel < in.channels; ++channel) {
          const int32_t* line = lines + column.first * in.channels + channel;
          int64_t sum = 0;
          for (int64_t x = 0; x < column.count; ++x) {
            sum += int64_t{column.weights[x]} * line[x * in.channels];
          }
          *out++ = static_cast<uint8_t>((2 * sum + total) / (2 * total));
        }
      }
    }
  }

  // The columns of some rows at a time lie one behind the other once they are turned, so that one
  // loop blends columns and rows alike.
  Pixels blend_columns(const Pixels& in, int64_t width) {
    const int64_t bytes = width * in.channels;
    uint8_t* out = room(narrow, up_to_turned_rows(in.height) * bytes);
    uint8_t* from = room(turned, kBlockRows * in.row_bytes());
    uint8_t* to = room(blended, kBlockRows * bytes);
    for (int64_t first = 0; first < in.height; first += kBlockRows) {
      const int64_t count = std::min(kBlockRows, up_to_turned_rows(in.height - first));
      const uint8_t* lines[kBlockRows];
      for (int64_t y = 0; y < count; ++y) lines[y] = in.row(std::min(first + y, in.height - 1));
      rows_to_columns({lines, static_cast<size_t>(count)}, in.row_bytes(), from);
      const int64_t column = count * in.channels;
      blend_to_bytes({.data = from, .stride = column, .bytes = column}, columns.ranges, to);
      columns_to_rows(to, count, bytes, out + first * bytes, bytes);
    }
    return dense(out, in.height, width, in.channels);
  }
};

Resampler::Resampler(Filter filter) : state_(std::make_unique<State>(filter)) {}
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;
Resampler::~Resampler() = default;

void Resampler::resample(const Pixels& in, int64_t height, int64_t width, std::span<uint8_t> out) {
  BBG_CHECK(in.height > 0 && in.width > 0 && in.channels > 0 && height > 0 && width > 0,
            "an image without pixels is resampled");
  BBG_CHECK(static_cast<int64_t>(out.size()) == height * width * in.channels,
            "resampled pixels have another size than their place");
  if (height == in.height && width == in.width) {
    for (int64_t y = 0; y < height; ++y) {
      std::memcpy(out.data() + y * in.row_bytes(), in.row(y), static_cast<size_t>(in.row_bytes()));
    }
    return;
  }
  state_->set_sizes(in, height, width);
  if (state_->filter == Filter::kArea) {
    state_->mean_over_area(in, width, out.data());
    return;
  }
  // An axis that keeps its length has one tap of weight 1 for each pixel.
  const Pixels narrow = width == in.width ? in : state_->blend_columns(in, width);
  blend_to_bytes({.data = narrow.data, .stride = narrow.stride, .bytes = narrow.row_bytes()},
                 state_->rows.ranges, out.data());
}

}  // namespace bbg::image
