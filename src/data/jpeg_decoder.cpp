#include "data/jpeg_decoder.h"

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <vector>

extern "C" {
#include <jpeglib.h>

// After jpeglib.h: the numbers of its messages depend on how the library was configured.
#include <jerror.h>
}

namespace bbg::data {

namespace {

// More than any photograph has; a header that claims more is damage or an attack.
constexpr int64_t kMaxPixels = int64_t{1} << 28;

struct Decoder {
  jpeg_error_mgr errors;  // first, so that libjpeg's pointer to it is a pointer to this
  jpeg_decompress_struct jpeg;
  std::jmp_buf on_error;
  char message[JMSG_LENGTH_MAX];
};

Decoder& decoder_of(j_common_ptr common) { return *reinterpret_cast<Decoder*>(common->err); }

[[noreturn]] void fail(j_common_ptr common) {
  Decoder& decoder = decoder_of(common);
  common->err->format_message(common, decoder.message);
  std::longjmp(decoder.on_error, 1);
}

// libjpeg goes on after a warning. The ones that stand for lost pixels (a truncated file, damaged
// entropy data) are errors here; harmless ones (unknown revisions, stray bytes before a marker) are
// found in ImageNet and stay unsaid.
void judge_message(j_common_ptr common, int level) {
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      fail(common);
    default:
      break;
  }
}

// Holds nothing that needs a destructor: libjpeg leaves by longjmp. False: see decoder.message.
bool decode(Decoder& decoder, std::span<const std::byte> bytes, core::Image& image) {
  if (setjmp(decoder.on_error) != 0) return false;
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&jpeg, TRUE);
  if (int64_t{jpeg.image_height} * jpeg.image_width > kMaxPixels) {
    std::snprintf(decoder.message, sizeof decoder.message, "%u x %u pixels are too many",
                  jpeg.image_width, jpeg.image_height);
    return false;
  }
  switch (jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
      jpeg.out_color_space = JCS_GRAYSCALE;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      jpeg.out_color_space = JCS_CMYK;
      break;
    default:
      jpeg.out_color_space = JCS_RGB;
  }
  jpeg_start_decompress(&jpeg);
  image.height = jpeg.output_height;
  image.width = jpeg.output_width;
  image.channels = jpeg.output_components;
  image.pixels.resize(static_cast<size_t>(image.height * image.width * image.channels));
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = image.pixels.data() + static_cast<size_t>(jpeg.output_scanline) *
                                             jpeg.output_width *
                                             static_cast<size_t>(jpeg.output_components);
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

// Ink that is not there lets light through: R = (1 - C) (1 - K). Files with Adobe's marker hold the
// light instead of the ink.
void cmyk_to_rgb(core::Image& image, bool is_inverted) {
  const size_t count = image.pixels.size() / 4;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* in = &image.pixels[4 * i];
    uint8_t light[4];
    for (int c = 0; c < 4; ++c) light[c] = is_inverted ? in[c] : static_cast<uint8_t>(255 - in[c]);
    for (size_t c = 0; c < 3; ++c) {
      image.pixels[3 * i + c] = static_cast<uint8_t>((light[c] * light[3] + 127) / 255);
    }
  }
  image.pixels.resize(3 * count);
  image.channels = 3;
}

}  // namespace

std::string decode_jpeg(std::span<const std::byte> bytes, core::Image& image) {
  Decoder decoder{};
  decoder.jpeg.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = fail;
  decoder.errors.emit_message = judge_message;
  const bool is_complete = decode(decoder, bytes, image);
  const bool has_adobe_marker = decoder.jpeg.saw_Adobe_marker;
  jpeg_destroy_decompress(&decoder.jpeg);
  if (!is_complete) return decoder.message;
  if (image.channels == 4) cmyk_to_rgb(image, has_adobe_marker);
  return {};
}

}  // namespace bbg::data
