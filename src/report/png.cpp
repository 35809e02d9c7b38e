#include "report/png.h"

#include <png.h>

#include <csetjmp>
#include <cstdio>

#include "core/error.h"

namespace bbg::report {

namespace {

struct Encoder {
  const core::Image& image;
  std::vector<uint8_t>& out;
  char message[256] = {};
  png_structp png = nullptr;
  png_infop info = nullptr;
};

void fail(png_structp png, png_const_charp text) {
  auto& encoder = *static_cast<Encoder*>(png_get_error_ptr(png));
  std::snprintf(encoder.message, sizeof encoder.message, "%s", text);
  png_longjmp(png, 1);
}

void append(png_structp png, png_bytep bytes, size_t count) {
  auto& out = static_cast<Encoder*>(png_get_io_ptr(png))->out;
  out.insert(out.end(), bytes, bytes + count);
}

// Holds nothing that needs a destructor: libpng leaves by longjmp. False: see encoder.message.
bool encode(Encoder& encoder) {
  const core::Image& image = encoder.image;
  png_structp png = encoder.png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, &encoder, append, [](png_structp) {});
  png_set_IHDR(png, encoder.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8,
               image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, encoder.info);
  for (int64_t row = 0; row < image.height; ++row) {
    png_write_row(png, image.pixels.data() + row * image.width * image.channels);
  }
  png_write_end(png, nullptr);
  return true;
}

}  // namespace

std::vector<uint8_t> encode_png(const core::Image& image) {
  BBG_CHECK(image.channels == 1 || image.channels == 3, "a PNG of neither 1 nor 3 channels");
  BBG_CHECK(
      image.width > 0 && image.height > 0 &&
          static_cast<int64_t>(image.pixels.size()) == image.width * image.height * image.channels,
      "image size and pixels do not match");
  std::vector<uint8_t> out;
  Encoder encoder{.image = image, .out = out};
  encoder.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &encoder, fail, nullptr);
  if (encoder.png != nullptr) encoder.info = png_create_info_struct(encoder.png);
  const bool good = encoder.info != nullptr && encode(encoder);
  png_destroy_write_struct(&encoder.png, &encoder.info);
  if (!good) {
    throw core::SystemError(
        {.call = "libpng", .object = "encoding an image", .cause = encoder.message});
  }
  return out;
}

void write_png(core::FileSystem& files, const std::string& path, const core::Image& image) {
  const std::vector<uint8_t> png = encode_png(image);
  core::write_atomically(files, path, std::string(png.begin(), png.end()));
}

}  // namespace bbg::report
