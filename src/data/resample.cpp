#include "data/resample.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "data/resample/taps.h"

namespace bbg::data {

struct Resampler::State {
  Filter filter;
  int64_t height_from = 0, height_to = 0, width_from = 0,
          width_to = 0;  // sizes that rows and columns are for
  Taps rows, columns;
  std::vector<uint8_t> narrow;

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

  void mean_over_area(const Pixels& in, std::span<uint8_t> out) const {
    const int64_t total = rows.sum * columns.sum;
    auto at = out.begin();
    for (const Taps::Range& row : rows.ranges) {
      for (const Taps::Range& column : columns.ranges) {
        for (int64_t channel = 0; channel < in.channels; ++channel) {
          int64_t sum = 0;
          for (int64_t y = 0; y < row.count; ++y) {
            for (int64_t x = 0; x < column.count; ++x) {
              sum += int64_t{row.weights[y]} * column.weights[x] *
                     in.row(row.first + y)[(column.first + x) * in.channels + channel];
            }
          }
          *at++ = static_cast<uint8_t>((2 * sum + total) / (2 * total));
        }
      }
    }
  }

  void columns_then_rows(const Pixels& in, int64_t width, std::span<uint8_t> out) {
    const auto round = [](int32_t sum) {
      return static_cast<uint8_t>(
          std::clamp((sum + (1 << (kWeightBits - 1))) >> kWeightBits, 0, 255));
    };
    const int64_t stride = width * in.channels;
    narrow.resize(static_cast<size_t>(in.height * stride));
    for (int64_t y = 0; y < in.height; ++y) {
      for (int64_t i = 0; i < stride; ++i) {
        const Taps::Range& column = columns.ranges[static_cast<size_t>(i / in.channels)];
        const uint8_t* from = in.row(y) + column.first * in.channels + i % in.channels;
        int32_t sum = 0;
        for (int64_t x = 0; x < column.count; ++x) sum += column.weights[x] * from[x * in.channels];
        narrow[static_cast<size_t>(y * stride + i)] = round(sum);
      }
    }
    auto at = out.begin();
    for (const Taps::Range& row : rows.ranges) {
      for (int64_t i = 0; i < stride; ++i) {
        const uint8_t* from = narrow.data() + row.first * stride + i;
        int32_t sum = 0;
        for (int64_t y = 0; y < row.count; ++y) sum += row.weights[y] * from[y * stride];
        *at++ = round(sum);
      }
    }
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
    state_->mean_over_area(in, out);
  } else {
    state_->columns_then_rows(in, width, out);
  }
}

}  // namespace bbg::data
