#pragma once
// Brings pixels to another height and width. The same bytes on every processor: all sums are of
// integers.
//
// - kArea: each output pixel is the mean over the exact area below it; along an axis that grows,
//   the value between the two nearest pixels. The exact value is rounded once, half up.
// - kBilinear, kBicubic: equal to Pillow 12's Image.crop(...).resize(..., BILINEAR or BICUBIC) byte
//   for byte. The filter is widened by the ratio where an axis shrinks; columns come first; both
//   passes round to bytes. Bicubic: Keys 1981, "Cubic convolution interpolation", with a = -0.5.
//
// A Resampler keeps its memory, and the weights of the last sizes, from call to call. One thread at
// a time.

#include <cstdint>
#include <memory>
#include <span>

#include "core/words.h"
#include "data/pixels.h"

namespace bbg::data {

enum class Filter { kArea, kBilinear, kBicubic };
inline constexpr core::Word<Filter> kFilters[] = {
    {"area", Filter::kArea}, {"bilinear", Filter::kBilinear}, {"bicubic", Filter::kBicubic}};

class Resampler {
 public:
  explicit Resampler(Filter filter);
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;
  ~Resampler();

  // out: [height, width, in.channels], apart from the input. No side is 0.
  void resample(const Pixels& in, int64_t height, int64_t width, std::span<uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::data
