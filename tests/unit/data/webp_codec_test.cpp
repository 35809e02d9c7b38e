#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/unit/data/codec_refusal.h"

namespace bbg::data {
namespace {

TEST(Webp, AnimationsAreRefused) {
  // The header of an extended file: flags, three bytes not in use, width - 1, height - 1.
  std::string content = "WEBPVP8X";
  content += std::string("\x0A\0\0\0", 4) + std::string("\x02\0\0\0", 4) +
             std::string("\x03\0\0\x03\0\0", 6);
  content += "ANIM" + std::string("\x06\0\0\0", 4) + std::string(6, '\0');
  const std::string file =
      "RIFF" + std::string(1, static_cast<char>(content.size())) + std::string(3, '\0') + content;
  EXPECT_EQ(refusal(file), "cannot decode folder/a.jpg: it is animated");
}

TEST(Webp, GreyIsTheLumaOfItsColours) {
  const std::string file = test::read_file(BBG_SOURCE_DIR "/tests/fuzz/corpus/image/lossy.webp");
  const core::Image colour = test::decode_image(file);
  const core::Image grey = test::decode_image(file, {.channels = 1});
  for (size_t i = 0; i < grey.pixels.size(); ++i) {
    const uint8_t* rgb = &colour.pixels[3 * i];
    ASSERT_NEAR(grey.pixels[i], 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2], 0.51);
  }
}

}  // namespace
}  // namespace bbg::data
