#include "extractor/image_input.h"

#include <ATen/Parallel.h>

#include "core/error.h"
#include "image/resample.h"

namespace bbg::extractor {

namespace {

// The two inputs, along one axis, between which each output lies, and the weight of the second.
struct Taps {
  at::Tensor low, high, weight;  // [out]
};

// As TensorFlow 1 places them: output i lies at i * in / out, in float32.
Taps taps(int64_t in, int64_t out, at::Device device) {
  const at::TensorOptions options = at::TensorOptions(device).dtype(at::kFloat);
  const auto scale = static_cast<float>(static_cast<double>(in) / static_cast<double>(out));
  const at::Tensor place = at::arange(out, options) * scale;
  const at::Tensor low = place.to(at::kLong);
  return {low, (low + 1).clamp_max(in - 1), place - low};
}

// Columns first, then rows, as TensorFlow's kernel does.
at::Tensor resize_as_tensorflow(const at::Tensor& images, int64_t size) {
  const Taps x = taps(images.size(3), size, images.device());
  const Taps y = taps(images.size(2), size, images.device());
  const at::Tensor left = images.index_select(3, x.low);
  const at::Tensor rows = left + (images.index_select(3, x.high) - left) * x.weight;
  const at::Tensor top = rows.index_select(2, y.low);
  return top + (rows.index_select(2, y.high) - top) * y.weight.unsqueeze(1);
}

at::Tensor resize_as_pillow(const at::Tensor& images, int64_t size, image::Filter filter) {
  const at::Tensor rows = images.cpu().permute({0, 2, 3, 1}).contiguous();  // [n, H, W, 3]
  const int64_t height = rows.size(1), width = rows.size(2);
  at::Tensor resized = at::empty({rows.size(0), size, size, 3}, rows.options());
  at::parallel_for(0, rows.size(0), 1, [&](int64_t first, int64_t end) {
    image::Resampler resampler(filter);
    for (int64_t i = first; i < end; ++i) {
      const image::Pixels pixels =
          image::dense(rows.const_data_ptr<uint8_t>() + i * height * width * 3, height, width, 3);
      resampler.resample(pixels, size, size,
                         {resized.data_ptr<uint8_t>() + i * size * size * 3,
                          static_cast<size_t>(size * size * 3)});
    }
  });
  return resized.permute({0, 3, 1, 2}).contiguous().to(images.device());
}

at::Tensor resized(const at::Tensor& images, Resize resize, int64_t size) {
  if (resize == Resize::kNone || (images.size(2) == size && images.size(3) == size)) return images;
  switch (resize) {
    case Resize::kTensorFlow1:
      return resize_as_tensorflow(images.to(at::kFloat), size);
    case Resize::kBilinear:
      return at::upsample_bilinear2d(images.to(at::kFloat), {size, size}, /*align_corners=*/false);
    case Resize::kPillowBilinear:
      return resize_as_pillow(images, size, image::Filter::kBilinear);
    case Resize::kPillowBicubic:
      return resize_as_pillow(images, size, image::Filter::kBicubic);
    case Resize::kNone:
      break;
  }
  return images;
}

// [1, 3, 1, 1]
at::Tensor channels(const at::Tensor& like, double red, double green, double blue) {
  return at::tensor({red, green, blue}, at::kDouble).to(like.options()).view({1, 3, 1, 1});
}

at::Tensor in_range(const at::Tensor& images, Range range) {
  if (range == Range::kBytes) {
    return images.is_floating_point() ? images.round().clamp(0, 255).to(at::kByte) : images;
  }
  const at::Tensor x = images.to(at::kFloat);
  switch (range) {
    case Range::kTensorFlow:
      return (x - 128) / 128;
    case Range::kSymmetric:
      return x / 127.5 - 1;
    case Range::kUnit:
      return x / 255;
    case Range::kImageNet:
      return (x / 255 - channels(x, 0.485, 0.456, 0.406)) / channels(x, 0.229, 0.224, 0.225);
    case Range::kBytes:
      break;
  }
  return x;
}

}  // namespace

at::Tensor ImageInput::operator()(const at::Tensor& images) const {
  BBG_CHECK(images.dim() == 4 && images.size(1) == 3 && images.scalar_type() == at::kByte,
            "images are [n, 3, H, W] bytes");
  return in_range(resized(images, resize, size), range).contiguous();
}

std::string ImageInput::text() const {
  const std::string to = " to " + std::to_string(size) + " px";
  const std::string values = core::word_of(kRanges, range) + " values";
  if (resize == Resize::kNone) return "as they are, " + values;
  return core::word_of(kResizes, resize) + to + ", " + values;
}

}  // namespace bbg::extractor
