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
  const image::Pixels pixels = read_pixels(source_.place(index));
  switch (recipe_.store) {
    case Store::kRaw:
      return store_raw(pixels, out);
    case Store::kJpeg:
      return store_jpeg(pixels, out);
    case Store::kOriginal:
      // Pixels of a source without files become files that lose least.
      if (content_.is_encoded) {
        out[0].assign(content_.bytes.begin(), content_.bytes.end());
      } else {
        encoder_.encode(pixels, out[0]);
      }
  }
}

image::Pixels Converter::read_pixels(const std::string& place) {
  if (!content_.is_encoded) {
    image_ = image::with_channels(std::move(content_.image), recipe_.decode.channels);
    return image::view(image_);
  }
  if (recipe_.store != Store::kRaw || recipe_.fit != image::Fit::kResize) {
    return decoder_.decode(content_.bytes, place, decoded_);
  }
  const image::ImageSize size = decoder_.size(content_.bytes, place);
  const image::Box square = image::centre_square(size.height, size.width);
  return decoder_.decode_window(
      content_.bytes,
      {.top = square.top, .left = square.left, .height = square.height, .width = square.width},
      place, decoded_);
}

void Converter::store_raw(const image::Pixels& pixels, Stored& out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t size = recipe_.sizes[i];
    out[i].resize(static_cast<size_t>(size * size * pixels.channels));
    image::fit(pixels, size, recipe_.fit, resampler_, out[i]);
  }
}

void Converter::store_jpeg(const image::Pixels& pixels, Stored& out) {
  const int64_t shorter = std::min(pixels.height, pixels.width);
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t edge = recipe_.sizes[i];
    if (shorter <= edge) {
      encoder_.encode(pixels, out[i]);
      continue;
    }
    // The longer side is rounded to the nearest pixel.
    const int64_t height = (pixels.height * edge + shorter / 2) / shorter;
    const int64_t width = (pixels.width * edge + shorter / 2) / shorter;
    small_.resize(static_cast<size_t>(height * width * pixels.channels));
    resampler_.resample(pixels, height, width, small_);
    encoder_.encode(image::dense(small_.data(), height, width, pixels.channels), out[i]);
  }
}

}  // namespace bbg::data_prep
