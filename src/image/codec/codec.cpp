#include "image/codec/codec.h"

#include "core/error.h"
#include "image/codec/exif.h"
#include "image/codec/jpeg_decoder.h"
#include "image/codec/png_decoder.h"
#include "image/codec/webp_decoder.h"

namespace bbg::image {

namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& problem) {
  throw core::UsageError(
      "cannot decode " + name + ": " + problem,
      "repair or remove the file; --max-bad says how many such files may be left out");
}

std::string why_not_read(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return "it is empty";
  const std::string format = name_of_format(bytes);
  const std::string read = "it is neither JPEG nor PNG nor WebP";
  return format == "unknown content" ? read + ", whatever its name" : read + " but " + format;
}

bool is_inside(const Window& window, const ImageSize& size) {
  return window.top >= 0 && window.left >= 0 && window.height > 0 && window.width > 0 &&
         window.height <= size.height - window.top && window.width <= size.width - window.left;
}

}  // namespace

Decoder::Decoder(const DecodeOptions& options)
    : options_(options),
      jpeg_(std::make_unique<JpegDecoder>()),
      png_(std::make_unique<PngDecoder>()),
      webp_(std::make_unique<WebpDecoder>()) {
  BBG_CHECK(options.channels == 1 || options.channels == 3, "images have 1 or 3 channels");
}

Decoder::~Decoder() = default;

Decoder::Opened Decoder::open(std::span<const uint8_t> bytes, const std::string& name) {
  const std::optional<ImageFormat> format = recognise_format(bytes);
  if (!format) refuse(name, why_not_read(bytes));
  FormatDecoder& decoder = *format == ImageFormat::kJpeg  ? *jpeg_
                           : *format == ImageFormat::kPng ? *png_
                                                          : *webp_;
  ImageSize size;
  if (const Problem problem = decoder.read_header(bytes, size); !problem.empty()) {
    refuse(name, problem);
  }
  const bool is_turned = options_.exif == Exif::kApply;
  return {decoder, size, Orientation(is_turned ? orientation_of(*format, bytes) : 1)};
}

Pixels Decoder::read(const Opened& opened, const Window& window, const std::string& name,
                     std::vector<uint8_t>& memory) {
  const bool is_plain = opened.orientation.is_plain();
  Pixels pixels;
  const Problem problem = opened.decoder.read(opened.orientation.stored(window, opened.size),
                                              options_, is_plain ? memory : stored_, pixels);
  if (!problem.empty()) refuse(name, problem);
  if (is_plain) return pixels;
  Pixels turned;
  opened.orientation.turn(pixels, dense_room(window, options_.channels, memory, turned));
  return turned;
}

ImageSize Decoder::size(std::span<const uint8_t> bytes, const std::string& name) {
  const Opened opened = open(bytes, name);
  return opened.orientation.turned(opened.size);
}

Pixels Decoder::decode(std::span<const uint8_t> bytes, const std::string& name,
                       std::vector<uint8_t>& memory) {
  const Opened opened = open(bytes, name);
  const ImageSize size = opened.orientation.turned(opened.size);
  return read(opened, {.height = size.height, .width = size.width}, name, memory);
}

Pixels Decoder::decode_window(std::span<const uint8_t> bytes, const Window& window,
                              const std::string& name, std::vector<uint8_t>& memory) {
  const Opened opened = open(bytes, name);
  BBG_CHECK(is_inside(window, opened.orientation.turned(opened.size)),
            "a window lies within its image");
  return read(opened, window, name, memory);
}

}  // namespace bbg::image
