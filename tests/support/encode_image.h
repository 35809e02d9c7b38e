#pragma once
// Encoders for test images.

#include <png.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

extern "C" {
#include <jpeglib.h>
}

namespace bbg::test {

// pixels: [height, width, channels of `space`], quality 100, no subsampling: nearly lossless.
// `configure` may set the compressor otherwise.
inline std::string encode_jpeg(int height, int width, J_COLOR_SPACE space, J_COLOR_SPACE file_space,
                               const std::vector<uint8_t>& pixels, bool progressive = false,
                               const std::function<void(jpeg_compress_struct&)>& configure = {}) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.in_color_space = space;
  jpeg.input_components = space == JCS_GRAYSCALE ? 1 : space == JCS_RGB ? 3 : 4;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, file_space);
  jpeg_set_quality(&jpeg, 100, TRUE);
  for (int i = 0; i < jpeg.num_components; ++i) {
    jpeg.comp_info[i].h_samp_factor = jpeg.comp_info[i].v_samp_factor = 1;
  }
  if (progressive) jpeg_simple_progression(&jpeg);
  if (configure) configure(jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    auto* row =
        const_cast<JSAMPROW>(pixels.data()) +
        jpeg.next_scanline * jpeg.image_width * static_cast<unsigned>(jpeg.input_components);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string result(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&jpeg);
  std::free(bytes);
  return result;
}

struct PngPalette {
  std::vector<png_color> colours;
  std::vector<png_byte> alpha;
};

// rows: packed as in the file (16 bits are big-endian).
inline std::string encode_png(int height, int width, int colour_type, int bits,
                              const std::vector<uint8_t>& rows, bool interlaced = false,
                              const PngPalette& palette = {}) {
  std::string result;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &result,
      [](png_structp handle, png_bytep data, size_t count) {
        static_cast<std::string*>(png_get_io_ptr(handle))
            ->append(reinterpret_cast<char*>(data), count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), bits,
               colour_type, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!palette.colours.empty()) {
    png_set_PLTE(png, info, palette.colours.data(), static_cast<int>(palette.colours.size()));
    png_set_tRNS(png, info, palette.alpha.data(), static_cast<int>(palette.alpha.size()), nullptr);
  }
  png_write_info(png, info);
  const size_t row_bytes = rows.size() / static_cast<size_t>(height);
  std::vector<png_bytep> pointers;
  for (int y = 0; y < height; ++y) {
    pointers.push_back(const_cast<png_bytep>(rows.data()) + static_cast<size_t>(y) * row_bytes);
  }
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return result;
}

}  // namespace bbg::test
