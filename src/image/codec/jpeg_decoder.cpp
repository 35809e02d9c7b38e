#include "image/codec/jpeg_decoder.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/codec/colour.h"
#include "image/codec/jpeg_session.h"

namespace bbg::image {

namespace {

// Smooth upsampling of chroma reads one sample beyond each side of a pixel's own: 2 pixels.
constexpr int64_t kMargin = 2;
// As many rows as the library may want to give at once; it gives 1 or 2.
constexpr int64_t kStripRows = 4;

PixelKind kind_of(const jpeg_decompress_struct& jpeg) {
  switch (jpeg.out_color_space) {
    case JCS_GRAYSCALE:
      return PixelKind::kGrey;
    case JCS_CMYK:
      return PixelKind::kCmyk;
    default:
      return PixelKind::kRgb;
  }
}

J_COLOR_SPACE out_space(J_COLOR_SPACE file_space, int64_t channels) {
  switch (file_space) {
    case JCS_GRAYSCALE:
      return channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    case JCS_CMYK:
    case JCS_YCCK:
      return JCS_CMYK;
    default:
      return JCS_RGB;
  }
}

// A progressive file that lacks scans is smoothed across its blocks, more of them than a margin
// has.
bool smooths_blocks(const jpeg_decompress_struct& jpeg) {
  if (jpeg.coef_bits == nullptr) return false;
  for (int component = 0; component < jpeg.num_components; ++component) {
    const int* bits = jpeg.coef_bits[component];
    if (std::any_of(bits, bits + DCTSIZE2, [](int missing) { return missing != 0; })) return true;
  }
  return false;
}

}  // namespace

struct JpegDecoder::State {
  JpegSession session;
  std::vector<uint8_t> strips;  // rows as decoded, before they are cut and converted

  // Each false where session.message says what is wrong.
  bool read_header(std::span<const uint8_t> bytes);
  bool read(const Window& window, const DecodeOptions& options, std::vector<uint8_t>& memory,
            Pixels& out);
  // Reads the window's rows to their place, with the columns beside it that were decoded too.
  Pixels read_in_place(const Window& window, int64_t first_column, std::vector<uint8_t>& memory);
  // Cuts and converts them, with any before the window's first.
  void read_strips(const Window& window, int64_t first_column, ConvertRow convert,
                   const Pixels& out, uint8_t* pixels);
  // Limits decoding to the window's columns and a margin. Returns the first decoded column.
  int64_t crop_columns(const Window& window);
};

bool JpegDecoder::State::read_header(std::span<const uint8_t> bytes) {
  if (setjmp(session.on_error) != 0) return false;
  session.begin(bytes);
  jpeg_read_header(&session.jpeg, TRUE);
  return true;
}

int64_t JpegDecoder::State::crop_columns(const Window& window) {
  auto& jpeg = session.jpeg;
  const int64_t width = jpeg.output_width;
  auto left = static_cast<JDIMENSION>(std::max<int64_t>(window.left - kMargin, 0));
  auto columns = static_cast<JDIMENSION>(
      std::min(std::max(window.left + window.width + kMargin, int64_t{left} + DCTSIZE), width) -
      left);
  jpeg_crop_scanline(&jpeg, &left, &columns);
  return left;
}

bool JpegDecoder::State::read(const Window& window, const DecodeOptions& options,
                              std::vector<uint8_t>& memory, Pixels& out) {
  auto& jpeg = session.jpeg;
  if (setjmp(session.on_error) != 0) return false;
  const bool is_whole = window.height == jpeg.image_height && window.width == jpeg.image_width;
  jpeg.out_color_space = out_space(jpeg.jpeg_color_space, options.channels);
  jpeg_start_decompress(&jpeg);
  int64_t first_column = 0;
  if (!is_whole && !smooths_blocks(jpeg)) {
    first_column = crop_columns(window);
    jpeg_skip_scanlines(&jpeg, static_cast<JDIMENSION>(window.top));
  }
  const ConvertRow convert = conversion(kind_of(jpeg), options);
  if (convert == nullptr && jpeg.output_scanline == window.top) {
    out = read_in_place(window, first_column, memory);
  } else {
    uint8_t* pixels = dense_room(window, options.channels, memory, out);
    read_strips(window, first_column, convert, out, pixels);
  }
  if (is_whole) jpeg_finish_decompress(&jpeg);
  return true;
}

Pixels JpegDecoder::State::read_in_place(const Window& window, int64_t first_column,
                                         std::vector<uint8_t>& memory) {
  auto& jpeg = session.jpeg;
  const int64_t channels = jpeg.output_components, stride = jpeg.output_width * channels;
  uint8_t* pixels = room(memory, window.height * stride);
  for (int64_t y = 0; y < window.height;) {
    JSAMPROW rows[kStripRows];
    for (int64_t i = 0; i < kStripRows; ++i) rows[i] = pixels + (y + i) * stride;
    const int64_t wanted = std::min(kStripRows, window.height - y);
    y += jpeg_read_scanlines(&jpeg, rows, static_cast<JDIMENSION>(wanted));
  }
  return {.data = pixels + (window.left - first_column) * channels,
          .height = window.height,
          .width = window.width,
          .channels = channels,
          .stride = stride};
}

void JpegDecoder::State::read_strips(const Window& window, int64_t first_column, ConvertRow convert,
                                     const Pixels& out, uint8_t* pixels) {
  auto& jpeg = session.jpeg;
  const int64_t pixel_bytes = jpeg.output_components, stride = jpeg.output_width * pixel_bytes;
  const int64_t end = window.top + window.height;
  uint8_t* strip = room(strips, kStripRows * stride);
  JSAMPROW rows[kStripRows];
  for (int64_t i = 0; i < kStripRows; ++i) rows[i] = strip + i * stride;
  while (jpeg.output_scanline < end) {
    const int64_t first = jpeg.output_scanline - window.top;  // negative: above the window
    const auto wanted = static_cast<JDIMENSION>(std::min(kStripRows, end - jpeg.output_scanline));
    const int64_t count = jpeg_read_scanlines(&jpeg, rows, wanted);
    for (int64_t i = std::max<int64_t>(-first, 0); i < count; ++i) {
      const uint8_t* in = rows[i] + (window.left - first_column) * pixel_bytes;
      uint8_t* row = pixels + (first + i) * out.stride;
      if (convert == nullptr) {
        std::memcpy(row, in, static_cast<size_t>(out.row_bytes()));
      } else {
        convert(in, window.width, row);
      }
    }
  }
}

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {}
JpegDecoder::~JpegDecoder() = default;

Problem JpegDecoder::read_header(std::span<const uint8_t> bytes, ImageSize& size) {
  if (!state_->read_header(bytes)) return state_->session.message;
  const auto& jpeg = state_->session.jpeg;
  size = {.height = jpeg.image_height, .width = jpeg.image_width};
  return check_size(size.height, size.width);
}

Problem JpegDecoder::read(const Window& window, const DecodeOptions& options,
                          std::vector<uint8_t>& memory, Pixels& out) {
  const bool is_complete = state_->read(window, options, memory, out);
  jpeg_abort_decompress(&state_->session.jpeg);
  return is_complete ? Problem{} : Problem{state_->session.message};
}

}  // namespace bbg::image
