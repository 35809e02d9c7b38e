#include "image/codec/colour.h"

#include <utility>

#include "core/error.h"

namespace bbg::image {

namespace {

struct Rgb {
  uint8_t red, green, blue;
};

// ITU-R BT.601 luma in 16-bit fixed point; the weights add up to 65536, so that grey stays itself.
uint8_t luma(Rgb p) {
  return static_cast<uint8_t>((p.red * 19595u + p.green * 38470u + p.blue * 7471u + 0x8000u) >> 16);
}

// a b / 255, rounded.
uint8_t product(uint32_t a, uint32_t b) { return static_cast<uint8_t>((a * b + 127) / 255); }

// `colour` laid over white.
uint8_t over_white(uint32_t colour, uint32_t alpha) {
  return static_cast<uint8_t>((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

// Each reads the pixel at p, which takes kChannels bytes.

struct Grey {
  static constexpr int64_t kChannels = 1;
  static Rgb read(const uint8_t* p) { return {p[0], p[0], p[0]}; }
};

struct Colour {
  static constexpr int64_t kChannels = 3;
  static Rgb read(const uint8_t* p) { return {p[0], p[1], p[2]}; }
};

template <Alpha kAlpha>
struct GreyAlpha {
  static constexpr int64_t kChannels = 2;
  static Rgb read(const uint8_t* p) {
    const uint8_t grey = kAlpha == Alpha::kDrop ? p[0] : over_white(p[0], p[1]);
    return {grey, grey, grey};
  }
};

template <Alpha kAlpha>
struct ColourAlpha {
  static constexpr int64_t kChannels = 4;
  static Rgb read(const uint8_t* p) {
    if constexpr (kAlpha == Alpha::kDrop) return {p[0], p[1], p[2]};
    return {over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3])};
  }
};

// Light goes through ink C and then through ink K: R = (1 - C) (1 - K).
template <bool kIsInk>
struct FourInks {
  static constexpr int64_t kChannels = 4;
  static Rgb read(const uint8_t* p) {
    constexpr uint8_t kFlip = kIsInk ? 255 : 0;
    const auto light = [p](int c) { return static_cast<uint8_t>(p[c] ^ kFlip); };
    return {product(light(0), light(3)), product(light(1), light(3)), product(light(2), light(3))};
  }
};

template <typename Pixel>
void to_grey(const uint8_t* in, int64_t count, uint8_t* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = luma(Pixel::read(in + i * Pixel::kChannels));
}

template <typename Pixel>
void to_rgb(const uint8_t* in, int64_t count, uint8_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    const Rgb pixel = Pixel::read(in + i * Pixel::kChannels);
    out[3 * i] = pixel.red;
    out[3 * i + 1] = pixel.green;
    out[3 * i + 2] = pixel.blue;
  }
}

template <typename Pixel>
ConvertRow to(int64_t channels) {
  return channels == 1 ? to_grey<Pixel> : to_rgb<Pixel>;
}

}  // namespace

ConvertRow conversion(PixelKind kind, const DecodeOptions& options) {
  const int64_t channels = options.channels;
  const bool drops = options.alpha == Alpha::kDrop;
  switch (kind) {
    case PixelKind::kGrey:
      return channels == 1 ? nullptr : to<Grey>(channels);
    case PixelKind::kRgb:
      return channels == 3 ? nullptr : to<Colour>(channels);
    case PixelKind::kGreyAlpha:
      return drops ? to<GreyAlpha<Alpha::kDrop>>(channels) : to<GreyAlpha<Alpha::kWhite>>(channels);
    case PixelKind::kRgba:
      return drops ? to<ColourAlpha<Alpha::kDrop>>(channels)
                   : to<ColourAlpha<Alpha::kWhite>>(channels);
    case PixelKind::kCmyk:
      return options.cmyk == Cmyk::kInk ? to<FourInks<true>>(channels)
                                        : to<FourInks<false>>(channels);
  }
  core::check_failed("kind", "a kind of pixels without a conversion", __FILE__, __LINE__);
}

int64_t channels_of(PixelKind kind) {
  switch (kind) {
    case PixelKind::kGrey:
      return 1;
    case PixelKind::kGreyAlpha:
      return 2;
    case PixelKind::kRgb:
      return 3;
    default:
      return 4;
  }
}

core::Image with_channels(core::Image image, int64_t channels) {
  if (image.channels == channels) return image;
  const ConvertRow convert =
      conversion(image.channels == 1 ? PixelKind::kGrey : PixelKind::kRgb, {.channels = channels});
  core::Image out{.height = image.height, .width = image.width, .channels = channels, .pixels = {}};
  const int64_t count = image.height * image.width;
  out.pixels.resize(static_cast<size_t>(count * channels));
  convert(image.pixels.data(), count, out.pixels.data());
  return out;
}

}  // namespace bbg::image
