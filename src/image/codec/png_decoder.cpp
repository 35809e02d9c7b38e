#include "image/codec/png_decoder.h"

#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

#include "image/codec/colour.h"

namespace bbg::image {

struct PngDecoder::State {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const uint8_t> rest;  // not read yet
  std::vector<uint8_t> rows;      // as decoded: one row, or all of an interlaced image
  std::vector<png_bytep> row_starts;
  char message[256] = "libpng could not start";

  ~State() { close(); }
  void close() { png_destroy_read_struct(&png, &info, nullptr); }
  bool open(std::span<const uint8_t> bytes);
  // libpng leaves by longjmp: these hold nothing that needs a destructor. False: see message.
  bool read_header();
  bool read(const Window& window, const DecodeOptions& options, uint8_t* pixels);
  void read_in_order(const Window& window, ConvertRow convert, int64_t channels, uint8_t* pixels);
  void read_interlaced(const Window& window, ConvertRow convert, int64_t channels, uint8_t* pixels);
  void cut(const png_byte* row, const Window& window, ConvertRow convert, int64_t channels,
           uint8_t* out) const;
};

namespace {

constexpr png_uint_32 kMaxSide = 1 << 16;

void fail(png_structp png, png_const_charp text) {
  std::snprintf(static_cast<char*>(png_get_error_ptr(png)), 256, "%s", text);
  png_longjmp(png, 1);
}

// Warnings are about side matters: unknown or odd chunks, profiles. Lost pixels are errors.
void ignore_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep out, size_t count) {
  auto& rest = *static_cast<std::span<const uint8_t>*>(png_get_io_ptr(png));
  if (count > rest.size()) png_error(png, "Premature end of PNG file");
  std::memcpy(out, rest.data(), count);
  rest = rest.subspan(count);
}

PixelKind kind_of(int channels) {
  constexpr PixelKind kKinds[] = {PixelKind::kGrey, PixelKind::kGreyAlpha, PixelKind::kRgb,
                                  PixelKind::kRgba};
  return kKinds[channels - 1];
}

}  // namespace

bool PngDecoder::State::open(std::span<const uint8_t> bytes) {
  close();
  rest = bytes;
  png = png_create_read_struct(PNG_LIBPNG_VER_STRING, message, fail, ignore_warning);
  if (png == nullptr) return false;
  info = png_create_info_struct(png);
  return info != nullptr && read_header();
}

bool PngDecoder::State::read_header() {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &rest, read_bytes);
  png_set_user_limits(png, kMaxSide, kMaxSide);
  png_read_info(png, info);
  return true;
}

void PngDecoder::State::cut(const png_byte* row, const Window& window, ConvertRow convert,
                            int64_t channels, uint8_t* out) const {
  const png_byte* in = row + window.left * png_get_channels(png, info);
  if (convert == nullptr) {
    std::memcpy(out, in, static_cast<size_t>(window.width * channels));
  } else {
    convert(in, window.width, out);
  }
}

void PngDecoder::State::read_in_order(const Window& window, ConvertRow convert, int64_t channels,
                                      uint8_t* pixels) {
  rows.resize(png_get_rowbytes(png, info));
  for (int64_t y = 0; y < window.top + window.height; ++y) {
    png_read_row(png, rows.data(), nullptr);
    if (y < window.top) continue;
    cut(rows.data(), window, convert, channels,
        pixels + (y - window.top) * window.width * channels);
  }
}

void PngDecoder::State::read_interlaced(const Window& window, ConvertRow convert, int64_t channels,
                                        uint8_t* pixels) {
  const size_t row_bytes = png_get_rowbytes(png, info);
  row_starts.resize(png_get_image_height(png, info));
  rows.resize(row_starts.size() * row_bytes);
  for (size_t y = 0; y < row_starts.size(); ++y) row_starts[y] = rows.data() + y * row_bytes;
  png_read_image(png, row_starts.data());
  for (int64_t y = 0; y < window.height; ++y) {
    cut(row_starts[static_cast<size_t>(window.top + y)], window, convert, channels,
        pixels + y * window.width * channels);
  }
}

bool PngDecoder::State::read(const Window& window, const DecodeOptions& options, uint8_t* pixels) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_expand(png);  // palettes to RGB, few bits to 8, transparent colours to alpha
  png_set_strip_16(png);
  const bool is_interlaced = png_set_interlace_handling(png) > 1;
  png_read_update_info(png, info);
  const ConvertRow convert = conversion(kind_of(png_get_channels(png, info)), options);
  if (is_interlaced) {
    read_interlaced(window, convert, options.channels, pixels);
  } else {
    read_in_order(window, convert, options.channels, pixels);
  }
  const bool is_whole = window.height == png_get_image_height(png, info) &&
                        window.width == png_get_image_width(png, info);
  if (is_whole) png_read_end(png, nullptr);  // a file that lacks its end is a truncated one
  return true;
}

PngDecoder::PngDecoder() : state_(std::make_unique<State>()) {}
PngDecoder::~PngDecoder() = default;

Problem PngDecoder::read_header(std::span<const uint8_t> bytes, ImageSize& size) {
  if (!state_->open(bytes)) return state_->message;
  size = {.height = png_get_image_height(state_->png, state_->info),
          .width = png_get_image_width(state_->png, state_->info)};
  return check_size(size.height, size.width);
}

Problem PngDecoder::read(const Window& window, const DecodeOptions& options,
                         std::vector<uint8_t>& memory, Pixels& out) {
  uint8_t* pixels = dense_room(window, options.channels, memory, out);
  return state_->read(window, options, pixels) ? Problem{} : Problem{state_->message};
}

}  // namespace bbg::image
