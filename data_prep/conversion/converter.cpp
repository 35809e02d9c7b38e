#include "data_prep/conversion/converter.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "image/codec/colour.h"
#include "image/transform.h"

namespace bbg::data_prep {

Converter::Converter(const ImageSource& source, const Recipe& recipe)
    : source_(source),
      recipe_(recipe),
      decoder_(recipe.decode),
      resampler_(recipe.filter),
      encoder_(recipe.quality) {}

void Converter::convert(int64_t index, Stored& out) {
  out.resize(recipe_.sizes.size());
  source_.read(index, content_);
  const std::string place = source_.place(index);
  if (content_.is_encoded) {
    const bool is_squared = recipe_.store == Store::kRaw && recipe_.fit == image::Fit::kResize;
    if (is_squared) {
      const image::ImageSize size = decoder_.size(content_.bytes, place);
      const image::Box square = image::centre_square(size.height, size.width);
      decoder_.decode_window(
          content_.bytes,
          {.top = square.top, .left = square.left, .height = square.height, .width = square.width},
          place, image_);
    } else {
      decoder_.decode(content_.bytes, place, image_);
    }
  } else {
    image_ = image::with_channels(std::move(content_.image), recipe_.decode.channels);
  }
  switch (recipe_.store) {
    case Store::kRaw:
      return store_raw(out);
    case Store::kJpeg:
      return store_jpeg(out);
    case Store::kOriginal:
      // Pixels of a source without files become files that lose least.
      if (content_.is_encoded) {
        out[0].assign(content_.bytes.begin(), content_.bytes.end());
      } else {
        encoder_.encode(image::view(image_), out[0]);
      }
  }
}

void Converter::store_raw(Stored& out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t size = recipe_.sizes[i];
    out[i].resize(static_cast<size_t>(size * size * image_.channels));
    image::fit(image::view(image_), size, recipe_.fit, resampler_, out[i]);
  }
}

void Converter::store_jpeg(Stored& out) {
  const int64_t shorter = std::min(image_.height, image_.width);
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t edge = recipe_.sizes[i];
    if (shorter <= edge) {
      encoder_.encode(image::view(image_), out[i]);
      continue;
    }
    // The longer side is rounded to the nearest pixel.
    const int64_t height = (image_.height * edge + shorter / 2) / shorter;
    const int64_t width = (image_.width * edge + shorter / 2) / shorter;
    small_.resize(static_cast<size_t>(height * width * image_.channels));
    resampler_.resample(image::view(image_), height, width, small_);
    encoder_.encode({.data = small_.data(),
                     .height = height,
                     .width = width,
                     .channels = image_.channels,
                     .stride = width * image_.channels},
                    out[i]);
  }
}

}  // namespace bbg::data_prep
