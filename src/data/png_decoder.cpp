#include "data/png_decoder.h"

#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace bbg::data {

namespace {

constexpr png_uint_32 kMaxSide = 1 << 16;
constexpr int64_t kMaxPixels = int64_t{1} << 28;  // as for JPEG

struct Decoder {
  std::span<const std::byte> rest;  // not read yet
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[256] = {};
  std::vector<png_bytep> rows;
};

void fail(png_structp png, png_const_charp text) {
  auto& decoder = *static_cast<Decoder*>(png_get_error_ptr(png));
  std::snprintf(decoder.message, sizeof decoder.message, "%s", text);
  png_longjmp(png, 1);
}

// Warnings are about side matters: unknown or odd chunks, profiles. Lost pixels are errors.
void ignore_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep out, size_t count) {
  auto& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (count > decoder.rest.size()) png_error(png, "Premature end of PNG file");
  std::memcpy(out, decoder.rest.data(), count);
  decoder.rest = decoder.rest.subspan(count);
}

// Holds nothing that needs a destructor: libpng leaves by longjmp. False: see decoder.message.
bool decode(Decoder& decoder, core::Image& image) {
  png_structp png = decoder.png;
  png_infop info = decoder.info;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &decoder, read_bytes);
  png_set_user_limits(png, kMaxSide, kMaxSide);
  png_read_info(png, info);
  if (int64_t{png_get_image_width(png, info)} * png_get_image_height(png, info) > kMaxPixels) {
    png_error(png, "too many pixels");
  }
  png_set_expand(png);  // palettes to RGB, few bits to 8, transparent colours to alpha
  png_set_scale_16(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  image.height = png_get_image_height(png, info);
  image.width = png_get_image_width(png, info);
  image.channels = png_get_channels(png, info);
  const size_t row_bytes = png_get_rowbytes(png, info);
  image.pixels.resize(static_cast<size_t>(image.height) * row_bytes);
  decoder.rows.resize(static_cast<size_t>(image.height));
  for (size_t y = 0; y < decoder.rows.size(); ++y) {
    decoder.rows[y] = image.pixels.data() + y * row_bytes;
  }
  png_read_image(png, decoder.rows.data());
  png_read_end(png, nullptr);  // a file that lacks its end is a truncated one
  return true;
}

// Lays [.., colour, alpha] over white.
void drop_alpha(core::Image& image) {
  const auto colours = static_cast<size_t>(image.channels - 1);
  const size_t count = image.pixels.size() / (colours + 1);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* in = &image.pixels[i * (colours + 1)];
    const int alpha = in[colours];
    for (size_t c = 0; c < colours; ++c) {
      const int mixed = in[c] * alpha + 255 * (255 - alpha);
      image.pixels[i * colours + c] = static_cast<uint8_t>((mixed + 127) / 255);
    }
  }
  image.pixels.resize(count * colours);
  image.channels = static_cast<int64_t>(colours);
}

}  // namespace

std::string decode_png(std::span<const std::byte> bytes, core::Image& image) {
  Decoder decoder{.rest = bytes, .rows = {}};
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, fail, ignore_warning);
  if (decoder.png == nullptr) return "libpng could not start";
  decoder.info = png_create_info_struct(decoder.png);
  const bool is_complete = decoder.info != nullptr && decode(decoder, image);
  png_destroy_read_struct(&decoder.png, &decoder.info, nullptr);
  if (!is_complete) return *decoder.message != '\0' ? decoder.message : "libpng could not start";
  if (image.channels == 2 || image.channels == 4) drop_alpha(image);
  return {};
}

}  // namespace bbg::data
