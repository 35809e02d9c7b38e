#include "data_prep/conversion/jpeg_encoder.h"

#include <cstdio>
#include <cstdlib>

extern "C" {
#include <jpeglib.h>
}

#include "core/error.h"

namespace bbg::data_prep {

struct JpegEncoder::State {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  int quality;
  unsigned char* memory = nullptr;  // libjpeg's, grown as needed
  unsigned long size = 0;
};

namespace {

// Memory that is gone, or sizes that the caller must not pass.
[[noreturn]] void fail(j_common_ptr common) {
  char message[JMSG_LENGTH_MAX];
  common->err->format_message(common, message);
  std::fprintf(stderr, "libjpeg: %s\n", message);
  std::abort();
}

}  // namespace

JpegEncoder::JpegEncoder(int64_t quality) : state_(std::make_unique<State>()) {
  state_->quality = static_cast<int>(quality);
  state_->jpeg.err = jpeg_std_error(&state_->errors);
  state_->errors.error_exit = fail;
  jpeg_create_compress(&state_->jpeg);
}

JpegEncoder::~JpegEncoder() {
  jpeg_destroy_compress(&state_->jpeg);
  std::free(state_->memory);
}

void JpegEncoder::encode(const image::Pixels& image, std::vector<uint8_t>& out) {
  constexpr int64_t kLargestSide = 65'500;  // JPEG's own
  BBG_CHECK(image.height > 0 && image.width > 0 && image.height <= kLargestSide &&
                image.width <= kLargestSide,
            "an image too large for JPEG");
  jpeg_compress_struct& jpeg = state_->jpeg;
  jpeg_mem_dest(&jpeg, &state_->memory, &state_->size);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.input_components = static_cast<int>(image.channels);
  jpeg.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, state_->quality, TRUE);
  jpeg.optimize_coding = TRUE;
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.row(jpeg.next_scanline));  // libjpeg only reads it
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  out.assign(state_->memory, state_->memory + state_->size);
}

}  // namespace bbg::data_prep
