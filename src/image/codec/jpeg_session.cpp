#include "image/codec/jpeg_session.h"

extern "C" {
// After jpeglib.h: the numbers of its messages depend on how the library was configured.
#include <jerror.h>
}

namespace bbg::image {

namespace {

// Each scan costs a pass over the whole image. Encoders write about ten.
constexpr int kMaxScans = 500;

[[noreturn]] void fail(j_common_ptr common) {
  auto& session = *reinterpret_cast<JpegSession*>(common->err);
  common->err->format_message(common, session.message);
  std::longjmp(session.on_error, 1);
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

void check_scans(j_common_ptr common) {
  const auto* jpeg = reinterpret_cast<j_decompress_ptr>(common);
  if (jpeg->input_scan_number <= kMaxScans) return;
  auto& session = *reinterpret_cast<JpegSession*>(common->err);
  std::snprintf(session.message, sizeof session.message, "more than %d scans", kMaxScans);
  std::longjmp(session.on_error, 1);
}

void keep(j_decompress_ptr) {}

boolean refuse_more(j_decompress_ptr jpeg) {
  jpeg->err->msg_code = JWRN_JPEG_EOF;
  fail(reinterpret_cast<j_common_ptr>(jpeg));
}

void skip(j_decompress_ptr jpeg, long count) {
  if (count <= 0) return;
  if (static_cast<size_t>(count) > jpeg->src->bytes_in_buffer) refuse_more(jpeg);
  jpeg->src->next_input_byte += count;
  jpeg->src->bytes_in_buffer -= static_cast<size_t>(count);
}

}  // namespace

JpegSession::~JpegSession() { jpeg_destroy_decompress(&jpeg); }

void JpegSession::begin(std::span<const uint8_t> bytes) {
  jpeg_destroy_decompress(&jpeg);
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = fail;
  errors.emit_message = judge_message;
  jpeg_create_decompress(&jpeg);
  progress.progress_monitor = check_scans;
  jpeg.progress = &progress;
  source = {.next_input_byte = bytes.data(),
            .bytes_in_buffer = bytes.size(),
            .init_source = keep,
            .fill_input_buffer = refuse_more,
            .skip_input_data = skip,
            .resync_to_restart = jpeg_resync_to_restart,
            .term_source = keep};
  jpeg.src = &source;
}

}  // namespace bbg::image
