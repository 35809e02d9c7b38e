#include "measure/crops.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/support/data_set_writer.h"
#include "tests/support/temporary_folder.h"

namespace bbg::measure {
namespace {

constexpr int64_t kHeight = 11, kWidth = 14, kChannels = 3, kCount = 5;

class CropsOfTestImages : public ::testing::Test {
 protected:
  CropsOfTestImages() {
    test::DataSetWriter writer({.folder = folder_ / "set",
                                .height = kHeight,
                                .width = kWidth,
                                .channels = kChannels,
                                .class_names = {"a", "b", "c"}});
    core::RandomStream random(1, core::Purpose::kEvaluate, 0, 0);
    for (int64_t i = 0; i < kCount; ++i) {
      std::vector<uint8_t> image(kHeight * kWidth * kChannels);
      for (uint8_t& value : image) value = static_cast<uint8_t>(random.next_below(256));
      writer.add(image, i % 3);
      pixels_.push_back(image);
    }
    writer.close();
  }

  // The value of a pixel in [-1, 1].
  float value(int64_t image, int64_t channel, int64_t y, int64_t x) const {
    const auto at = static_cast<size_t>((y * kWidth + x) * kChannels + channel);
    return static_cast<float>(pixels_[static_cast<size_t>(image)][at]) / 127.5F - 1;
  }

  test::TemporaryFolder folder_;
  std::vector<std::vector<uint8_t>> pixels_;
};

// Any numbers that depend on the places of all pixels: [n, 2].
at::Tensor predictions(const at::Tensor& x) {
  const at::Tensor weights = at::sin(at::arange(x[0].numel(), at::kFloat)).view(x[0].sizes());
  const at::Tensor sums = (x * weights).sum({1, 2, 3});
  return at::stack({at::sigmoid(sums), sums.square()}, 1);
}

TEST_F(CropsOfTestImages, AreFourCornersAndTheMiddleAndTheMeanIsThatOfTen) {
  constexpr int64_t kSize = 8;
  const data::ShardSet shards = data::ShardSet::open(folder_ / "set");
  const Crops crops = read_crops(shards, 1, 3, kSize, data::OnCorrupt::kStop);
  ASSERT_EQ(crops.images.size(), 5u);
  const std::pair<int64_t, int64_t> places[] = {{0, 0}, {0, 6}, {3, 0}, {3, 6}, {1, 3}};
  at::Tensor sum = at::zeros({3, 2});
  for (size_t part = 0; part < 5; ++part) {
    const auto [top, left] = places[part];
    for (const bool is_mirrored : {false, true}) {
      at::Tensor expected = at::empty({3, kChannels, kSize, kSize});
      for (int64_t i = 0; i < 3; ++i) {
        for (int64_t c = 0; c < kChannels; ++c) {
          for (int64_t y = 0; y < kSize; ++y) {
            for (int64_t x = 0; x < kSize; ++x) {
              const int64_t column = is_mirrored ? kSize - 1 - x : x;
              expected[i][c][y][x] = value(1 + i, c, top + y, left + column);
            }
          }
        }
      }
      if (!is_mirrored) {
        EXPECT_TRUE(at::equal(crops.images[part], expected)) << part;
      }
      sum += predictions(expected);
    }
  }
  EXPECT_TRUE(at::equal(crops.labels, at::tensor({1, 2, 0}, at::kLong)));
  // float32, summed in another order.
  EXPECT_TRUE(at::allclose(mean_over_crops(crops, predictions), sum / 10, 1e-5, 1e-5));
}

TEST_F(CropsOfTestImages, AreTheImageItselfWhereItHasTheSize) {
  test::DataSetWriter writer(
      {.folder = folder_ / "square", .height = 4, .width = 4, .channels = 1, .class_names = {"a"}});
  std::vector<uint8_t> image(16);
  for (size_t i = 0; i < 16; ++i) image[i] = static_cast<uint8_t>(i * 16);
  writer.add(image, 0);
  writer.close();
  const data::ShardSet shards = data::ShardSet::open(folder_ / "square");
  const Crops crops = read_crops(shards, 0, 1, 4, data::OnCorrupt::kStop);
  ASSERT_EQ(crops.images.size(), 1u);
  const at::Tensor whole = (at::arange(16, at::kFloat) * 16 / 127.5F - 1).view({1, 1, 4, 4});
  EXPECT_TRUE(at::equal(crops.images[0], whole));
  const at::Tensor expected = (predictions(whole) + predictions(whole.flip({3}))) / 2;
  EXPECT_TRUE(at::equal(mean_over_crops(crops, predictions), expected));
}

}  // namespace
}  // namespace bbg::measure
