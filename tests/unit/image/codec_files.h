#pragma once
// Image files of kinds that Pillow reads but does not write, made with libjpeg and libpng.

#include <map>
#include <span>
#include <string>

#include "core/rng.h"
#include "tests/support/encode_image.h"

namespace bbg::image {

// A wave with noise: neighbours differ, and so does each place.
inline std::vector<uint8_t> noisy(int height, int width, int channels) {
  core::RandomStream random(7, core::Purpose::kEvaluate, 0, 0);
  std::vector<uint8_t> pixels;
  for (int i = 0; i < height * width * channels; ++i) {
    const int x = i / channels % width, y = i / channels / width;
    const auto wave = static_cast<uint32_t>((x * 5 + y * 3 + 40 * (i % channels)) % 160);
    pixels.push_back(static_cast<uint8_t>(wave + random.next_uint32() % 96));
  }
  return pixels;
}

// Horizontal and vertical sampling factors of the first component and of the second.
inline std::string sampled_jpeg(int h0, int v0, int h1 = 1, int v1 = 1, bool progressive = false) {
  return test::encode_jpeg(70, 101, JCS_RGB, JCS_YCbCr, noisy(70, 101, 3), progressive,
                           [&](jpeg_compress_struct& jpeg) {
                             jpeg.comp_info[0].h_samp_factor = h0;
                             jpeg.comp_info[0].v_samp_factor = v0;
                             jpeg.comp_info[1].h_samp_factor = h1;
                             jpeg.comp_info[1].v_samp_factor = v1;
                           });
}

inline std::string arithmetic_jpeg(bool progressive) {
  return test::encode_jpeg(70, 101, JCS_RGB, JCS_YCbCr, noisy(70, 101, 3), progressive,
                           [](jpeg_compress_struct& jpeg) {
                             jpeg.arith_code = TRUE;
                             jpeg.comp_info[0].h_samp_factor = 2;
                             jpeg.comp_info[0].v_samp_factor = 2;
                           });
}

// 4:2:0 in these scans.
inline std::string jpeg_of_scans(std::span<const jpeg_scan_info> scans) {
  return test::encode_jpeg(70, 101, JCS_RGB, JCS_YCbCr, noisy(70, 101, 3), false,
                           [&](jpeg_compress_struct& jpeg) {
                             jpeg.comp_info[0].h_samp_factor = 2;
                             jpeg.comp_info[0].v_samp_factor = 2;
                             jpeg.scan_info = scans.data();
                             jpeg.num_scans = static_cast<int>(scans.size());
                           });
}

// Number of components, which, first and last coefficient, bits before and now missing.
// Progressive, without the finer coefficients.
inline constexpr jpeg_scan_info kUnfinished[] = {{3, {0, 1, 2}, 0, 0, 0, 0}, {1, {0}, 1, 5, 0, 2}};
// Not progressive, each component in a scan of its own.
inline constexpr jpeg_scan_info kSeparate[] = {
    {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};

inline std::map<std::string, std::string> files_beyond_pillow() {
  const auto rgb = noisy(40, 51, 3), inks = noisy(40, 51, 4), grey = noisy(40, 51, 1);
  std::map<std::string, std::string> files = {
      {"jpeg-440", sampled_jpeg(1, 2)},
      {"jpeg-440-progressive", sampled_jpeg(1, 2, 1, 1, true)},
      {"jpeg-411", sampled_jpeg(4, 1)},
      {"jpeg-410", sampled_jpeg(4, 2)},
      {"jpeg-mixed-chroma", sampled_jpeg(2, 2, 2, 1)},
      {"jpeg-mixed-chroma-progressive", sampled_jpeg(2, 2, 1, 2, true)},
      {"jpeg-finer-chroma", sampled_jpeg(1, 1, 2, 2)},
      {"jpeg-arithmetic", arithmetic_jpeg(false)},
      {"jpeg-arithmetic-progressive", arithmetic_jpeg(true)},
      {"jpeg-unfinished", jpeg_of_scans(kUnfinished)},
      {"jpeg-separate", jpeg_of_scans(kSeparate)},
      {"jpeg-rgb", test::encode_jpeg(40, 51, JCS_RGB, JCS_RGB, rgb)},
      {"jpeg-ycck", test::encode_jpeg(40, 51, JCS_CMYK, JCS_YCCK, inks)},
      {"jpeg-cmyk-unmarked",
       test::encode_jpeg(40, 51, JCS_CMYK, JCS_CMYK, inks, false,
                         [](jpeg_compress_struct& jpeg) { jpeg.write_Adobe_marker = FALSE; })},
      {"jpeg-grey-2x2", test::encode_jpeg(40, 51, JCS_GRAYSCALE, JCS_GRAYSCALE, grey, false,
                                          [](jpeg_compress_struct& jpeg) {
                                            jpeg.comp_info[0].h_samp_factor = 2;
                                            jpeg.comp_info[0].v_samp_factor = 2;
                                          })}};
  const std::map<std::string, std::pair<int, int>> kinds = {
      {"grey", {PNG_COLOR_TYPE_GRAY, 1}},
      {"grey-alpha", {PNG_COLOR_TYPE_GRAY_ALPHA, 2}},
      {"rgb", {PNG_COLOR_TYPE_RGB, 3}},
      {"rgba", {PNG_COLOR_TYPE_RGB_ALPHA, 4}}};
  for (const auto& [name, kind] : kinds) {
    for (const bool interlaced : {false, true}) {
      const std::string end = name + (interlaced ? "-interlaced" : "");
      for (const int bits : {8, 16}) {
        files["png-" + std::to_string(bits) + "-" + end] = test::encode_png(
            23, 31, kind.first, bits, noisy(23, 31 * kind.second * bits / 8, 1), interlaced);
      }
    }
  }
  for (const int bits : {1, 2, 4}) {
    for (const bool interlaced : {false, true}) {
      files["png-grey-" + std::to_string(bits) + (interlaced ? "-interlaced" : "")] =
          test::encode_png(23, 32, PNG_COLOR_TYPE_GRAY, bits, noisy(23, 4 * bits, 1), interlaced);
    }
  }
  return files;
}

}  // namespace bbg::image
