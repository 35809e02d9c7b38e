#include "image/codec/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/image/codec_files.h"
#include "tests/unit/image/codec_refusal.h"

namespace bbg::image {
namespace {

using test::bytes_of;
using testing::HasSubstr;
using testing::StartsWith;
using std::string_literals::operator""s;

// The small images that fuzz tests damage.
std::string small(const std::string& name) {
  return test::read_file(BBG_SOURCE_DIR "/tests/fuzz/corpus/image/" + name);
}

// A JPEG whose header claims these sides.
std::string with_sides(std::string jpeg, int height, int width) {
  const size_t frame = jpeg.find("\xFF\xC0");
  for (const int shift : {8, 0}) {
    jpeg[frame + 5 + (shift == 0)] = static_cast<char>(height >> shift & 255);
    jpeg[frame + 7 + (shift == 0)] = static_cast<char>(width >> shift & 255);
  }
  return jpeg;
}

TEST(Codec, NamesFormatsByContent) {
  const std::pair<std::string, std::string> cases[] = {{"\xFF\xD8\xFF\xE0", "JPEG"},
                                                       {"\x89PNG\r\n\x1A\n", "PNG"},
                                                       {"RIFF\1\2\3\4WEBPVP8 ", "WebP"},
                                                       {"GIF89a", "GIF"},
                                                       {"BM\1\2\3\4\0\0\0\0"s, "BMP"},
                                                       {"II*\0abc"s, "TIFF"},
                                                       {"MM\0*abc"s, "TIFF"},
                                                       {"\0\0\0\x1C"
                                                        "ftypavif"s,
                                                        "AVIF"},
                                                       {"\0\0\0\x1C"
                                                        "ftypheic"s,
                                                        "HEIC"},
                                                       {"\xFF\x0A", "JPEG XL"},
                                                       {"<!DOCTYPE html>", "HTML or XML"},
                                                       {"BM and no more", "unknown content"},
                                                       {"some text", "unknown content"},
                                                       {"\xFF\xD8", "unknown content"},
                                                       {"", "empty file"}};
  for (const auto& [bytes, name] : cases) {
    EXPECT_EQ(name_of_format(bytes_of(bytes)), name);
    const bool is_read = name == "JPEG" || name == "PNG" || name == "WebP";
    EXPECT_EQ(recognise_format(bytes_of(bytes)).has_value(), is_read) << name;
  }
}

TEST(Codec, RefusesOtherContentByItsName) {
  EXPECT_EQ(refusal("just some text"),
            "cannot decode folder/a.jpg: it is neither JPEG nor PNG nor WebP, whatever its name");
  EXPECT_EQ(refusal(""), "cannot decode folder/a.jpg: it is empty");
  EXPECT_THAT(refusal("GIF89a..."), HasSubstr("neither JPEG nor PNG nor WebP but GIF"));
  EXPECT_THAT(refusal("II*\0..."s), HasSubstr("but TIFF"));
}

TEST(Codec, RefusesFilesThatEndTooEarlyWhereverTheyEnd) {
  for (const std::string name :
       {"444.jpg", "420.jpg", "progressive.jpg", "grey.jpg", "restart.jpg", "cmyk.jpg", "rgb.png",
        "rgba.png", "palette.png", "lossy.webp", "lossless.webp", "alpha.webp"}) {
    const std::string good = small(name);
    EXPECT_EQ(refusal(good), "accepted") << name;
    Decoder decoder({});
    std::vector<uint8_t> memory;
    for (size_t length = 0; length < good.size(); ++length) {
      // In memory of its own, so that sanitizers see what reads beyond it.
      const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(length));
      const auto whole = [&] { decoder.decode(cut, name, memory); };
      // WebP's last chunk, here of EXIF, is none of the image.
      if (name == "alpha.webp" && refusal_of(whole) == "accepted") continue;
      EXPECT_THAT(refusal_of(whole), StartsWith("cannot decode " + name + ": ")) << length;
      refusal_of([&] { decoder.decode_window(cut, {1, 1, 2, 2}, name, memory); });
    }
  }
}

TEST(Codec, RefusesSizesBeyondMeasureBeforeTakingMemory) {
  Decoder decoder({});
  const std::string jpeg = with_sides(small("444.jpg"), 30000, 30000);
  EXPECT_EQ(refusal_of([&] { decoder.size(bytes_of(jpeg), "giant"); }),
            "cannot decode giant: 30000 x 30000 pixels are too many");
  EXPECT_THAT(refusal(jpeg), HasSubstr("30000 x 30000 pixels are too many"));
  EXPECT_THAT(refusal(with_sides(small("progressive.jpg"), 65501, 1)), HasSubstr("cannot decode"));
  const std::string png =
      test::encode_png(1, 60000, PNG_COLOR_TYPE_GRAY, 1, std::vector<uint8_t>(7500));
  EXPECT_EQ(refusal(png), "accepted");
}

TEST(Codec, WhatOneImageLacksIsNotTakenFromTheLast) {
  const std::string good = small("444.jpg");
  std::string bare = good;
  for (const std::string marker : {"\xFF\xDB", "\xFF\xC4"}) {  // quantisation and Huffman tables
    bare = good;
    for (size_t at = bare.find(marker); at != std::string::npos; at = bare.find(marker)) {
      bare.erase(at,
                 2 + 256 * static_cast<uint8_t>(bare[at + 2]) + static_cast<uint8_t>(bare[at + 3]));
    }
    ASSERT_LT(bare.size(), good.size());
    Decoder fresh({}), used({});
    std::vector<uint8_t> memory;
    used.decode(bytes_of(good), "good", memory);
    const auto by = [&](Decoder& decoder) {
      return refusal_of([&] { decoder.decode(bytes_of(bare), "bare", memory); });
    };
    EXPECT_EQ(by(fresh), by(used));
  }
}

TEST(Codec, DecodesOnAfterARefusal) {
  Decoder decoder({});
  std::vector<uint8_t> memory;
  for (const std::string name : {"420.jpg", "rgb.png", "lossy.webp"}) {
    const std::string good = small(name), bad = good.substr(0, good.size() * 2 / 3);
    const core::Image before = copy(decoder.decode(bytes_of(good), name, memory));
    EXPECT_NE(refusal_of([&] { decoder.decode(bytes_of(bad), name, memory); }), "accepted");
    EXPECT_EQ(before.pixels, copy(decoder.decode(bytes_of(good), name, memory)).pixels);
  }
}

// As n02105855_2933.JPEG of ImageNet is.
TEST(Codec, PngUnderTheNameOfAJpegIsDecoded) {
  std::vector<uint8_t> rgba = noisy(189, 213, 4), rgb;
  for (size_t i = 0; i < rgba.size(); ++i) {
    if (i % 4 == 3) {
      rgba[i] = 255;
    } else {
      rgb.push_back(rgba[i]);
    }
  }
  const std::string file = test::encode_png(189, 213, PNG_COLOR_TYPE_RGB_ALPHA, 8, rgba);
  for (const Alpha alpha : {Alpha::kWhite, Alpha::kDrop}) {
    EXPECT_EQ(test::decode_image(file, {.alpha = alpha}, "n02105855_2933.JPEG").pixels, rgb);
  }
}

TEST(Codec, AWindowDoesNotSeeDamageBelowIt) {
  const std::string good = sampled_jpeg(2, 2);
  const std::string cut = good.substr(0, good.size() * 3 / 4);
  Decoder decoder({});
  std::vector<uint8_t> memory;
  const core::Image whole = copy(decoder.decode(bytes_of(good), "good", memory));
  EXPECT_THAT(refusal(cut), HasSubstr("remature end"));
  const Pixels window = decoder.decode_window(bytes_of(cut), {2, 3, 20, 30}, "cut", memory);
  EXPECT_EQ(window.data[0], whole.pixels[static_cast<size_t>((2 * whole.width + 3) * 3)]);
  EXPECT_NE(refusal_of([&] {
              decoder.decode_window(bytes_of(cut), {60, 3, 8, 8}, "cut", memory);
            }),
            "accepted");
}

}  // namespace
}  // namespace bbg::image
