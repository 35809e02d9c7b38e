#include "data/codec/jpeg_decoder.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "data/codec/colour.h"
#include "data/codec/jpeg_entropy.h"
#include "data/codec/jpeg_session.h"

namespace bbg::data {

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
  JpegEntropy entropy;
  std::vector<uint8_t> strip;  // rows as decoded, before they are cut and converted

  // Each false where session.message says what is wrong.
  bool read_header(std::span<const uint8_t> bytes);
  bool read(const Window& window, const DecodeOptions& options, uint8_t* pixels);
  void read_rows(const Window& window, int64_t first_column, const DecodeOptions& options,
                 uint8_t* pixels);
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
  const int64_t mcu = DCTSIZE * (jpeg.num_components == 1 ? 1 : jpeg.max_h_samp_factor);
  entropy.limit(left / mcu, (left + columns - 1) / mcu);
  return left;
}

bool JpegDecoder::State::read(const Window& window, const DecodeOptions& options, uint8_t* pixels) {
  auto& jpeg = session.jpeg;
  if (setjmp(session.on_error) != 0) return false;
  const bool is_whole = window.height == jpeg.image_height && window.width == jpeg.image_width;
  jpeg.out_color_space = out_space(jpeg.jpeg_color_space, options.channels);
  jpeg_start_decompress(&jpeg);
  entropy.take_over(jpeg);
  int64_t first_column = 0;
  if (!is_whole && !smooths_blocks(jpeg)) {
    first_column = crop_columns(window);
    jpeg_skip_scanlines(&jpeg, static_cast<JDIMENSION>(window.top));
  }
  read_rows(window, first_column, options, pixels);
  if (is_whole) jpeg_finish_decompress(&jpeg);
  return true;
}

void JpegDecoder::State::read_rows(const Window& window, int64_t first_column,
                                   const DecodeOptions& options, uint8_t* pixels) {
  auto& jpeg = session.jpeg;
  const PixelKind kind = kind_of(jpeg);
  const ConvertRow convert = conversion(kind, options);
  const int64_t pixel_bytes = jpeg.output_components;
  const int64_t row_bytes = window.width * options.channels;
  const int64_t strip_bytes = jpeg.output_width * pixel_bytes;
  const bool is_direct =
      convert == nullptr && strip_bytes == row_bytes && jpeg.output_scanline == window.top;
  if (!is_direct) strip.resize(static_cast<size_t>(kStripRows * strip_bytes));
  const int64_t end = window.top + window.height;
  while (jpeg.output_scanline < end) {
    const int64_t row = jpeg.output_scanline - window.top;  // negative: above the window
    JSAMPROW rows[kStripRows];
    for (int64_t i = 0; i < kStripRows; ++i) {
      rows[i] = is_direct ? pixels + (row + i) * row_bytes : strip.data() + i * strip_bytes;
    }
    const auto wanted = static_cast<JDIMENSION>(std::min(kStripRows, end - jpeg.output_scanline));
    const int64_t count = jpeg_read_scanlines(&jpeg, rows, wanted);
    if (is_direct) continue;
    for (int64_t i = std::max<int64_t>(-row, 0); i < count; ++i) {
      const uint8_t* in = rows[i] + (window.left - first_column) * pixel_bytes;
      uint8_t* out = pixels + (row + i) * row_bytes;
      if (convert == nullptr) {
        std::memcpy(out, in, static_cast<size_t>(row_bytes));
      } else {
        convert(in, window.width, out);
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

Problem JpegDecoder::read(const Window& window, const DecodeOptions& options, uint8_t* pixels) {
  const bool is_complete = state_->read(window, options, pixels);
  jpeg_abort_decompress(&state_->session.jpeg);
  return is_complete ? Problem{} : Problem{state_->session.message};
}

}  // namespace bbg::data
