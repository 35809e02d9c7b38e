#include "data/sample_builder.h"

#include "core/error.h"

namespace bbg::data {

namespace {

constexpr const char* kDamageHint =
    "make the data set anew without this image, or go on without it: data.on-corrupt = skip";

image::TransformOptions for_images_of(const SampleSource& source, image::TransformOptions options) {
  options.is_equal_sized = source.encoding() == Encoding::kRaw;
  const bool is_cut = options.is_equal_sized &&
                      options.augment != image::Augment::kRandomArea;  // else it is resampled
  BBG_CHECK(options.size > 0 &&
                (!is_cut || (options.size <= source.height() && options.size <= source.width())),
            "images smaller than their parts");
  return options;
}

}  // namespace

SampleBuilder::SampleBuilder(const SampleSource& source, const image::TransformOptions& options,
                             uint64_t seed)
    : source_(source),
      options_(for_images_of(source, options)),
      seed_(seed),
      decoder_(source.decode_options()),
      resampler_(image::Filter::kBicubic) {}

void SampleBuilder::build(int64_t id, int64_t draw, int64_t slot, Check check,
                          std::span<uint8_t> out) {
  if (source_.encoding() == Encoding::kRaw) {
    build_raw(id, choose_part(draw, slot, source_.height(), source_.width()), check, out);
  } else {
    build_jpeg(id, draw, slot, check, out);
  }
}

image::Choice SampleBuilder::choose_part(int64_t draw, int64_t slot, int64_t height,
                                         int64_t width) const {
  return image::choose(options_, seed_, draw, slot, height, width);
}

// A whole image of the right size is read to its place, without a copy.
void SampleBuilder::build_raw(int64_t id, const image::Choice& choice, Check check,
                              std::span<uint8_t> out) {
  const int64_t height = source_.height(), width = source_.width(), channels = source_.channels();
  if (height == options_.size && width == options_.size && choice.box.height == height &&
      choice.box.width == width) {
    source_.read_pixels(id, out, check);
    if (choice.is_flipped) image::flip_horizontally(out, height, width, channels);
    return;
  }
  stored_.resize(static_cast<size_t>(height * width * channels));
  source_.read_pixels(id, stored_, check);
  const image::Pixels whole = image::dense(stored_.data(), height, width, channels);
  image::apply(image::window(whole, choice.box), choice.is_flipped, options_.size, resampler_, out);
}

void SampleBuilder::build_jpeg(int64_t id, int64_t draw, int64_t slot, Check check,
                               std::span<uint8_t> out) {
  const std::span<const uint8_t> bytes = source_.read(id, stored_, check);
  const std::string name = "sample " + std::to_string(id) + " of " + source_.file(id);
  image::Choice choice;
  image::Pixels part;
  try {
    const image::ImageSize size = decoder_.size(bytes, name);
    choice = choose_part(draw, slot, size.height, size.width);
    const image::Box& box = choice.box;
    part = decoder_.decode_window(
        bytes, {.top = box.top, .left = box.left, .height = box.height, .width = box.width}, name,
        decoded_);
  } catch (const core::UsageError& error) {
    throw core::UsageError(error.what(), kDamageHint);
  }
  image::apply(part, choice.is_flipped, options_.size, resampler_, out);
}

}  // namespace bbg::data
