#pragma once
// libjpeg's own decoding of a whole file to RGB, as the oracle of the codec that reads Huffman
// codes itself.

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <vector>

extern "C" {
#include <jerror.h>
#include <jpeglib.h>
}

namespace bbg::test {

struct PlainJpeg {
  jpeg_error_mgr errors{};  // first
  jpeg_decompress_struct jpeg{};
  std::jmp_buf on_error;
  std::vector<uint8_t> pixels;
};

// An error, or a warning of lost pixels.
inline void end_plain_jpeg(j_common_ptr common) {
  std::longjmp(reinterpret_cast<PlainJpeg*>(common->err)->on_error, 1);
}
inline void hear_plain_jpeg(j_common_ptr common, int level) {
  const int code = common->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER ||
                    code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC)) {
    end_plain_jpeg(common);
  }
}

inline bool decode_plainly(PlainJpeg& plain, std::span<const uint8_t> bytes) {
  if (setjmp(plain.on_error) != 0) return false;
  jpeg_decompress_struct& jpeg = plain.jpeg;
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, bytes.data(), bytes.size());
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  plain.pixels.resize(size_t{3} * jpeg.output_width * jpeg.output_height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = plain.pixels.data() + size_t{3} * jpeg.output_width * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

// None: libjpeg refuses it, or has lost pixels.
inline std::optional<std::vector<uint8_t>> plain_jpeg(std::span<const uint8_t> bytes) {
  PlainJpeg plain;
  plain.jpeg.err = jpeg_std_error(&plain.errors);
  plain.errors.error_exit = end_plain_jpeg;
  plain.errors.emit_message = hear_plain_jpeg;
  const bool is_complete = decode_plainly(plain, bytes);
  jpeg_destroy_decompress(&plain.jpeg);
  if (!is_complete) return std::nullopt;
  return plain.pixels;
}

}  // namespace bbg::test
