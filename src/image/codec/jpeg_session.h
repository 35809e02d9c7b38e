#pragma once
// One libjpeg decompressor: how it reads from memory, and which of its messages end the decoding.
// Included by jpeg_*.cpp only.

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <span>

extern "C" {
#include <jpeglib.h>
}

namespace bbg::image {

// libjpeg holds pointers into it, and leaves by longjmp to on_error: code that calls libjpeg after
// setjmp holds nothing that needs a destructor.
struct JpegSession {
  JpegSession() = default;
  JpegSession(const JpegSession&) = delete;
  JpegSession& operator=(const JpegSession&) = delete;
  ~JpegSession();

  // Makes the decompressor anew, to read `bytes`. One that is used again would lend an image the
  // tables of those before it. Needs on_error to be set.
  void begin(std::span<const uint8_t> bytes);

  jpeg_error_mgr errors{};  // first, so that libjpeg's pointer to it is a pointer to this
  jpeg_decompress_struct jpeg{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf on_error;
  char message[JMSG_LENGTH_MAX] = {};
};

}  // namespace bbg::image
