#pragma once
// Decodes JPEG, PNG and WebP from memory to 8-bit [H, W, C] pixels, whole or a window of them. The
// format is recognised by content, never by a file's name.
//
// Equal to Pillow's Image.open(file).convert("RGB") or "L" byte for byte, with alpha dropped;
// only 16-bit grey PNGs, which Pillow clips at 255, keep their upper byte as colours do. Gamma and
// colour profiles are not applied.
//
// What cannot be decoded (another format, a truncated file, damaged data, more than 2^28 pixels,
// an animation) is a UsageError that names the image and the cause.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "image/codec/decode_options.h"
#include "image/codec/image_format.h"
#include "image/codec/orientation.h"
#include "image/pixels.h"

namespace bbg::image {

class FormatDecoder;

// Keeps its memory from image to image. One thread each. `name` is for messages.
class Decoder {
 public:
  explicit Decoder(const DecodeOptions& options);
  ~Decoder();

  // Reads the header only. The size is that after the EXIF orientation was applied, if it is.
  ImageSize size(std::span<const uint8_t> bytes, const std::string& name);

  // The whole image; damage anywhere in it is found. The pixels lie in `memory`, which grows as
  // needed.
  Pixels decode(std::span<const uint8_t> bytes, const std::string& name,
                std::vector<uint8_t>& memory);

  // A window within the image: equal, byte for byte, to that part of the whole one. Rows below it
  // are not looked at, nor the damage in them.
  Pixels decode_window(std::span<const uint8_t> bytes, const Window& window,
                       const std::string& name, std::vector<uint8_t>& memory);

 private:
  struct Opened {
    FormatDecoder& decoder;
    ImageSize size;  // as stored
    Orientation orientation;
  };
  Opened open(std::span<const uint8_t> bytes, const std::string& name);
  Pixels read(const Opened& opened, const Window& window, const std::string& name,
              std::vector<uint8_t>& memory);

  DecodeOptions options_;
  std::unique_ptr<FormatDecoder> jpeg_, png_, webp_;
  std::vector<uint8_t> stored_;  // a window before it is turned
};

}  // namespace bbg::image
