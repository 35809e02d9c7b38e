#include "measure/crops.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <string>

#include "data/replacement.h"
#include "data/retry.h"
#include "feed/planes.h"
#include "image/codec/codec.h"
#include "image/resample.h"

namespace bbg::measure {

namespace {

bool is_just(const data::SampleSource& source, int64_t size) {
  return source.height() == size && source.width() == size;
}

// One thread's.
class CropReader {
 public:
  CropReader(const data::ShardSet& shards, int64_t size)
      : source_(*shards.source()),
        check_(shards.check()),
        size_(size),
        decoder_(source_.decode_options()),
        resampler_(image::Filter::kBicubic),
        pixels_(static_cast<size_t>(size * size * source_.channels())) {}

  // Fills the row `row` of the crops.
  void read(int64_t id, const Crops& crops, int64_t row) {
    const image::Pixels whole = decoded(id);
    const bool is_raw = source_.encoding() == data::Encoding::kRaw;
    const int64_t side = is_raw ? size_ : std::min(whole.height, whole.width);
    const std::vector<image::Box> boxes = crop_boxes(whole.height, whole.width, side);
    for (size_t i = 0; i < crops.images.size(); ++i) {
      image::apply(image::window(whole, boxes[i]), false, size_, resampler_, pixels_);
      feed::to_planes(pixels_.data(), size_ * size_, whole.channels,
                      crops.images[i].mutable_data_ptr<float>() + row * std::ssize(pixels_));
    }
    crops.labels.mutable_data_ptr<int64_t>()[row] = source_.label(id);
  }

 private:
  image::Pixels decoded(int64_t id) {
    if (source_.encoding() != data::Encoding::kRaw) {
      const std::string name = "sample " + std::to_string(id) + " of " + source_.file(id);
      return decoder_.decode(source_.read(id, stored_, check_), name, decoded_);
    }
    const int64_t height = source_.height(), width = source_.width(), channels = source_.channels();
    stored_.resize(static_cast<size_t>(height * width * channels));
    source_.read_pixels(id, stored_, check_);
    return image::dense(stored_.data(), height, width, channels);
  }

  const data::SampleSource& source_;
  const data::Check check_;
  const int64_t size_;
  image::Decoder decoder_;
  image::Resampler resampler_;
  std::vector<uint8_t> stored_, decoded_, pixels_;
};

}  // namespace

std::vector<image::Box> crop_boxes(int64_t height, int64_t width, int64_t side) {
  const int64_t bottom = height - side, right = width - side;
  std::vector<image::Box> boxes;
  for (const int64_t top : {int64_t{0}, bottom}) {
    for (const int64_t left : {int64_t{0}, right}) {
      boxes.push_back({.top = top, .left = left, .height = side, .width = side});
    }
  }
  boxes.push_back(image::centre_square(height, width, side));
  return boxes;
}

Crops read_crops(const data::ShardSet& shards, int64_t first, int64_t count, int64_t size,
                 data::OnCorrupt on_corrupt) {
  const data::SampleSource& source = *shards.source();
  Crops crops{.images = {}, .labels = at::empty({count}, at::kLong)};
  const int parts = is_just(source, size) ? 1 : 5;
  for (int i = 0; i < parts; ++i) {
    crops.images.push_back(at::empty({count, source.channels(), size, size}, at::kFloat));
  }
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    CropReader reader(shards, size);
    for (int64_t row = begin; row < end; ++row) {
      data::read_or_replace(on_corrupt, source.size(), [&](int64_t i) {
        const int64_t taken = (first + row + i) % source.size();
        data::with_retries([&] { reader.read(taken, crops, row); });
      });
    }
  });
  return crops;
}

at::Tensor mean_over_crops(const Crops& crops,
                           const std::function<at::Tensor(const at::Tensor&)>& predictions) {
  at::Tensor sum;
  for (const at::Tensor& part : crops.images) {
    const at::Tensor both = predictions(part) + predictions(part.flip({3}));
    sum = sum.defined() ? sum + both : both;
  }
  return sum / (2 * std::ssize(crops.images));
}

}  // namespace bbg::measure
