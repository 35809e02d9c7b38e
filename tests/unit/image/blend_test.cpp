// Sums of lines against their definition, by each way that this processor has.

#include "image/resample/blend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "image/resample/blend_vnni.h"
#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

// Weights of bicubic filters are no larger; that many times 255 are 31 bits.
constexpr int64_t kMostWeight = int64_t{3} << (kWeightBits - 1);

class Draw {
 public:
  int64_t between(int64_t least, int64_t most) {
    return least +
           static_cast<int64_t>(stream_.next_below(static_cast<uint64_t>(most - least + 1)));
  }

  // Some at the ends of what is allowed, the rest anywhere.
  std::vector<int32_t> weights(int64_t count) {
    std::vector<int32_t> weights(static_cast<size_t>(count));
    int64_t left = kMostWeight;
    for (int32_t& weight : weights) {
      const int64_t size = between(0, 3) == 0 ? left : between(0, left);
      weight = static_cast<int32_t>(between(0, 2) == 0 ? -size : size);
      left -= size;
    }
    std::rotate(weights.begin(), weights.begin() + between(0, count - 1), weights.end());
    return weights;
  }

 private:
  core::RandomStream stream_{11, core::Purpose::kEvaluate, 0, 0};
};

// `outputs` ranges of lines at random places; each has `count` weights.
void fill(Taps& taps, Draw& draw, int64_t lines, int64_t outputs, int64_t count) {
  const int64_t room = (count + kWeightsTogether - 1) / kWeightsTogether * kWeightsTogether;
  taps.most = count;
  taps.weights.assign(static_cast<size_t>(outputs * room), 0);
  for (int64_t i = 0; i < outputs; ++i) {
    int32_t* at = taps.weights.data() + i * room;
    const std::vector<int32_t> weights = draw.weights(count);
    std::copy(weights.begin(), weights.end(), at);
    taps.ranges.push_back({.first = draw.between(0, lines - count), .count = count, .weights = at});
  }
}

int64_t weighted_sum(const Lines& in, const Taps::Range& range, int64_t x) {
  int64_t sum = 0;
  for (int64_t i = 0; i < range.count; ++i) {
    sum += int64_t{range.weights[i]} * in.data[(range.first + i) * in.stride + x];
  }
  return sum;
}

std::vector<uint8_t> blended(const Lines& in, const Taps& taps) {
  std::vector<uint8_t> out;
  for (const Taps::Range& range : taps.ranges) {
    for (int64_t x = 0; x < in.bytes; ++x) {
      const int64_t half = int64_t{1} << (kWeightBits - 1);
      const int64_t rounded = (weighted_sum(in, range, x) + half) >> kWeightBits;
      out.push_back(static_cast<uint8_t>(std::clamp<int64_t>(rounded, 0, 255)));
    }
  }
  return out;
}

using BlendToBytes = void (*)(const Lines&, std::span<const Taps::Range>, uint8_t*);

std::vector<BlendToBytes> ways() {
  std::vector<BlendToBytes> ways = {blend_to_bytes, blend_to_bytes_plain};
  if (has_vnni()) ways.push_back(blend_to_bytes_vnni);
  return ways;
}

TEST(Blend, IsTheRoundedSumOfLinesByEveryWay) {
  Draw draw;
  for (int64_t count = 1; count <= 13; ++count) {
    for (const int64_t bytes : {1, 3, 15, 16, 17, 63, 64, 65, 100, 192, 200}) {
      const int64_t lines = count + draw.between(0, 5), stride = bytes + draw.between(0, 9);
      const core::Image image = random_image(lines, stride, 1, draw.between(0, 1 << 30));
      const Lines in{.data = image.pixels.data(), .stride = stride, .bytes = bytes};
      Taps taps;
      fill(taps, draw, lines, 5, count);
      const std::vector<uint8_t> expected = blended(in, taps);
      for (const BlendToBytes& way : ways()) {
        // Bytes behind the last line stay as they are.
        std::vector<uint8_t> out(expected.size() + 64, 77);
        way(in, taps.ranges, out.data());
        EXPECT_EQ(std::count(out.begin() + std::ssize(expected), out.end(), 77), 64);
        out.resize(expected.size());
        EXPECT_EQ(out == expected, true) << count << " lines of " << bytes << " bytes";
      }
    }
  }
}

// The digits of blend_vnni.h hold weights up to kMostWeight.
TEST(Blend, WeightsOfFiltersAreWithinBounds) {
  for (const Filter filter : {Filter::kBilinear, Filter::kBicubic}) {
    for (int64_t from = 1; from <= 70; ++from) {
      for (int64_t to = 1; to <= 70; ++to) {
        Taps taps;
        make_taps(filter, from, to, taps);
        for (const int32_t weight : taps.weights) ASSERT_LE(std::abs(weight), kMostWeight);
      }
    }
  }
}

}  // namespace
}  // namespace bbg::image
