#include "image/resample/taps.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bbg::image {

namespace {

// In units where an input pixel is `to` long and an output pixel `from`, all borders are whole.
void add_area(int64_t i, int64_t from, int64_t to, Taps& taps) {
  const int64_t begin = i * from, end = begin + from;
  const int64_t first = begin / to, last = (end - 1) / to;
  for (int64_t x = first; x <= last; ++x) {
    taps.weights.push_back(
        static_cast<int32_t>(std::min(end, (x + 1) * to) - std::max(begin, x * to)));
  }
  taps.ranges.push_back({.first = first, .count = last - first + 1, .weights = nullptr});
}

// Between the centres of the two nearest input pixels; beyond the outer centres the edge goes on.
// In units where an input pixel is 2 `to` long; `last` is the last input pixel.
void add_linear(int64_t i, int64_t from, int64_t to, int64_t last, Taps& taps) {
  const int64_t pixel = 2 * to;
  const int64_t centre = std::clamp<int64_t>((2 * i + 1) * from - to, 0, last * pixel);
  const int64_t first = centre / pixel, rest = centre % pixel;
  taps.weights.push_back(static_cast<int32_t>(pixel - rest));
  if (rest > 0) taps.weights.push_back(static_cast<int32_t>(rest));
  taps.ranges.push_back({.first = first, .count = rest > 0 ? 2 : 1, .weights = nullptr});
}

void add_area_or_linear(int64_t from, int64_t to, Taps& taps) {
  const int64_t divisor = std::gcd(from, to);
  const int64_t in = from / divisor, out = to / divisor;
  taps.sum = from >= to ? in : 2 * out;
  for (int64_t i = 0; i < to; ++i) {
    if (from >= to) {
      add_area(i, in, out, taps);
    } else {
      add_linear(i, in, out, from - 1, taps);
    }
  }
}

double triangle(double x) { return std::abs(x) < 1 ? 1 - std::abs(x) : 0; }

// Keys 1981, eq. 4, with a = -0.5.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0;
}

// The filter reaches `reach` pixels to each side; all operations are in Pillow's order.
void add_filtered(double (*filter)(double), double reach, int64_t from, int64_t to, Taps& taps) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double widening = std::max(scale, 1.0), support = reach * widening;
  const double narrowing = 1 / widening;
  std::vector<double> values;
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first =
        std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - support + 0.5)));
    const auto end = std::min(from, static_cast<int64_t>(std::floor(centre + support + 0.5)));
    values.clear();
    double sum = 0;
    for (int64_t x = 0; x < end - first; ++x) {
      values.push_back(filter((static_cast<double>(x + first) - centre + 0.5) * narrowing));
      sum += values.back();
    }
    for (const double value : values) {
      const double scaled = (sum != 0 ? value / sum : value) * (1 << kWeightBits);
      taps.weights.push_back(static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
    taps.ranges.push_back({.first = first, .count = end - first, .weights = nullptr});
  }
}

}  // namespace

void make_taps(Filter filter, int64_t from, int64_t to, Taps& taps) {
  taps.ranges.clear();
  taps.weights.clear();
  taps.sum = int64_t{1} << kWeightBits;
  switch (filter) {
    case Filter::kArea:
      add_area_or_linear(from, to, taps);
      break;
    case Filter::kBilinear:
      add_filtered(triangle, 1, from, to, taps);
      break;
    case Filter::kBicubic:
      add_filtered(cubic, 2, from, to, taps);
      break;
  }
  taps.most = 0;
  for (const Taps::Range& range : taps.ranges) taps.most = std::max(taps.most, range.count);
  const int64_t room = (taps.most + kWeightsTogether - 1) / kWeightsTogether * kWeightsTogether;
  std::vector<int32_t> padded(taps.ranges.size() * static_cast<size_t>(room));
  const int32_t* in = taps.weights.data();
  int32_t* out = padded.data();
  for (Taps::Range& range : taps.ranges) {
    std::copy_n(in, range.count, out);
    range.weights = out;
    in += range.count;
    out += room;
  }
  taps.weights.swap(padded);
}

}  // namespace bbg::image
