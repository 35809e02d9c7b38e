#include "report/png.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/report/decode_png.h"

namespace bbg::report {
namespace {

using testing::ElementsAre;

core::Image random_image(int64_t width, int64_t height, int64_t channels) {
  core::Image image{.height = height, .width = width, .channels = channels, .pixels = {}};
  image.pixels.resize(static_cast<size_t>(width * height * channels));
  core::RandomStream random(2, core::Purpose::kEvaluate, 0, 0);
  for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(random.next_uint32());
  return image;
}

TEST(EncodePng, ImagesOfEitherKindAndAnySizeDecodeToTheSamePixels) {
  for (const int64_t channels : {1, 3}) {
    for (const auto& [width, height] :
         {std::pair<int64_t, int64_t>{1, 1}, {1, 9}, {17, 1}, {31, 33}, {640, 200}}) {
      const core::Image image = random_image(width, height, channels);
      const core::Image decoded = test::decode_png(encode_png(image));
      EXPECT_EQ(decoded.width, width);
      EXPECT_EQ(decoded.height, height);
      EXPECT_EQ(decoded.channels, channels);
      EXPECT_EQ(decoded.pixels, image.pixels);
    }
  }
}

TEST(EncodePng, TheSameImageGivesTheSameBytes) {
  EXPECT_EQ(encode_png(random_image(20, 30, 3)), encode_png(random_image(20, 30, 3)));
}

TEST(EncodePng, AnImageThatDoesNotFitItsPixelsIsABug) {
  core::Image image = random_image(4, 4, 3);
  image.channels = 4;
  EXPECT_THROW(encode_png(image), core::InternalError);
  image.channels = 1;
  EXPECT_THROW(encode_png(image), core::InternalError);
  EXPECT_THROW(encode_png(core::Image{.height = 4, .width = 0, .channels = 1, .pixels = {}}),
               core::InternalError);
}

// PNG allows no more than 2^31 - 1 rows and columns, libpng a million.
TEST(EncodePng, WhatLibpngRefusesIsASystemError) {
  const core::Image image = random_image(1'000'001, 1, 1);
  EXPECT_THROW(encode_png(image), core::SystemError);
}

TEST(WritePng, WritesTheWholeFileAndNothingBeside) {
  const test::TemporaryFolder folder;
  const auto files = core::make_posix_file_system();
  const core::Image image = random_image(5, 6, 3);
  write_png(*files, folder / "a.png", image);
  const std::vector<uint8_t> png = encode_png(image);
  EXPECT_EQ(test::read_file(folder / "a.png"), std::string(png.begin(), png.end()));
  EXPECT_THAT(files->list(folder.path()), ElementsAre("a.png"));
}

}  // namespace
}  // namespace bbg::report
