// Resampling and transforms against Pillow, bit for bit.

#include "tests/unit/image/pillow.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/rng.h"
#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

class Pillow : public testing::Test {
 protected:
  int64_t between(int64_t least, int64_t most) {
    return least +
           static_cast<int64_t>(random_.next_below(static_cast<uint64_t>(most - least + 1)));
  }

  // Every third has black and white alone, whose sums leave [0, 255] the farthest.
  core::Image image(int64_t height, int64_t width, int64_t channels) {
    core::Image image = random_image(height, width, channels, random_.next_uint32());
    if (between(0, 2) == 0) {
      for (uint8_t& value : image.pixels) value = value < 128 ? 0 : 255;
    }
    return image;
  }

  PillowCase random_case(int64_t longest_in, int64_t longest_out) {
    PillowCase one{
        .image = image(between(1, longest_in), between(1, longest_in), between(0, 1) * 2 + 1),
        .box = {},
        .height = between(1, longest_out),
        .width = between(1, longest_out),
        .filter = between(0, 1) == 0 ? Filter::kBilinear : Filter::kBicubic,
        .is_flipped = between(0, 1) == 0};
    one.box.height = between(1, one.image.height);
    one.box.width = between(1, one.image.width);
    one.box.top = between(0, one.image.height - one.box.height);
    one.box.left = between(0, one.image.width - one.box.width);
    // An axis that keeps its length is not resampled.
    if (between(0, 7) == 0) one.height = one.box.height;
    if (between(0, 7) == 0) one.width = one.box.width;
    return one;
  }

  test::TemporaryFolder folder_;
  core::RandomStream random_{8, core::Purpose::kEvaluate, 0, 0};
};

TEST_F(Pillow, ResamplesABoxToTheSameBytesAtAnySize) {
  const std::string reason = why_no_pillow(folder_);
  if (!reason.empty()) GTEST_SKIP() << reason;
  std::vector<PillowCase> cases;
  for (int i = 0; i < 1200; ++i)
    cases.push_back(random_case(i % 4 == 0 ? 300 : 40, i % 4 == 1 ? 300 : 40));
  const std::string expected = ask_pillow(folder_, cases);
  Resampler bilinear(Filter::kBilinear), bicubic(Filter::kBicubic);
  size_t at = 0;
  for (const PillowCase& one : cases) {
    Resampler& resampler = one.filter == Filter::kBilinear ? bilinear : bicubic;
    core::Image out = blank_image(one.height, one.width, one.image.channels);
    resampler.resample(window(view(one.image), one.box), one.height, one.width, out.pixels);
    if (one.is_flipped) flip_horizontally(out.pixels, one.height, one.width, out.channels);
    ASSERT_LE(at + out.pixels.size(), expected.size());
    ASSERT_TRUE(std::equal(out.pixels.begin(), out.pixels.end(),
                           expected.begin() + static_cast<std::ptrdiff_t>(at),
                           [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); }))
        << describe(one);
    at += out.pixels.size();
  }
  EXPECT_EQ(at, expected.size());
}

// The definition by a crop, Image.resize and FLIP_LEFT_RIGHT.
TEST_F(Pillow, MakesTheSameTrainingImages) {
  const std::string reason = why_no_pillow(folder_);
  if (!reason.empty()) GTEST_SKIP() << reason;
  std::vector<PillowCase> cases;
  for (int64_t i = 0; i < 90; ++i) {
    const TransformOptions options{
        .augment = kAugments[i % 3].value, .flip = true, .size = 64, .is_equal_sized = i % 2 == 0};
    PillowCase one{.image = image(between(64, 200), between(64, 200), 3),
                   .box = {},
                   .height = options.size,
                   .width = options.size,
                   .filter = Filter::kBicubic};
    const Choice choice = choose(options, 5, 7, i, one.image.height, one.image.width);
    one.box = choice.box;
    one.is_flipped = choice.is_flipped;
    cases.push_back(one);
  }
  const std::string expected = ask_pillow(folder_, cases);
  ASSERT_EQ(expected.size(), cases.size() * 64 * 64 * 3);
  Resampler resampler(Filter::kBicubic);
  std::vector<uint8_t> out(64 * 64 * 3);
  for (size_t i = 0; i < cases.size(); ++i) {
    apply(window(view(cases[i].image), cases[i].box), cases[i].is_flipped, 64, resampler, out);
    EXPECT_EQ(std::string(out.begin(), out.end()), expected.substr(i * out.size(), out.size()))
        << describe(cases[i]);
  }
}

}  // namespace
}  // namespace bbg::image
