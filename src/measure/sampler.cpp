#include "measure/sampler.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <span>

#include "core/draws.h"
#include "core/rng.h"
#include "report/image_grid.h"
#include "train/step.h"

namespace bbg::measure {

namespace {

train::Truncation truncation_of(const eval::EvaluateOptions& options) {
  if (options.truncation == 0) return {};
  if (options.truncation_mode == eval::TruncationMode::kHub)
    return {.threshold = 2, .scale = options.truncation};
  return {.threshold = options.truncation};
}

}  // namespace

at::Tensor to_bytes(const at::Tensor& images) {
  return ((images + 1) * 127.5).round().clamp(0, 255).to(at::kByte);
}

core::Image to_image(const at::Tensor& tensor) {
  const at::Tensor bytes = to_bytes(tensor.detach()).cpu().permute({1, 2, 0}).contiguous();
  core::Image image{
      .height = bytes.size(0), .width = bytes.size(1), .channels = bytes.size(2), .pixels = {}};
  image.pixels.assign(bytes.data_ptr<uint8_t>(), bytes.data_ptr<uint8_t>() + bytes.numel());
  return image;
}

at::Tensor encoder_noise(const Context& context, int64_t first, int64_t count) {
  at::Tensor values = at::empty({count, context.setup.model.z_dim}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    core::RandomStream(static_cast<uint64_t>(context.setup.seed), core::Purpose::kEncoder,
                       static_cast<uint64_t>(core::kEncodeDraw), static_cast<uint64_t>(first + i))
        .fill_normal(
            std::span<float>(values[i].data_ptr<float>(), static_cast<size_t>(values.size(1))));
  }
  return values.to(context.tensor_options);
}

train::Noise Sampler::noise(int64_t draw, int64_t first, int64_t count) const {
  return train::make_noise(static_cast<uint64_t>(setup_.seed), draw, {first, count}, setup_.model,
                           tensor_options_, /*is_augmenting=*/false,
                           truncation_of(setup_.evaluate));
}

at::Tensor Sampler::images(model::Generator& generator, int64_t draw, int64_t first, int64_t count,
                           const at::Tensor& labels) const {
  const at::NoGradGuard no_grad;
  const train::Noise drawn = noise(draw, first, count);
  return generator.forward(drawn.z, labels.defined() ? labels : drawn.labels);
}

at::Tensor Sampler::class_a_row(int64_t first, int64_t count,
                                const std::vector<int64_t>& classes) const {
  const at::TensorOptions integers = tensor_options_.dtype(at::kLong);
  const at::Tensor rows = at::floor_divide(at::arange(first, first + count, integers), kColumns);
  if (classes.empty()) return rows.remainder(setup_.model.num_classes);
  return at::tensor(classes, at::kLong)
      .to(tensor_options_.device())
      .index_select(0, rows.remainder(std::ssize(classes)));
}

core::Image Sampler::grid(
    int64_t count, const std::function<at::Tensor(int64_t first, int64_t count)>& images) const {
  std::vector<core::Image> tiles;
  for (int64_t first = 0; first < count; first += setup_.evaluate.batch) {
    const at::Tensor made = images(first, std::min(setup_.evaluate.batch, count - first));
    for (int64_t i = 0; i < made.size(0); ++i) tiles.push_back(to_image(made[i]));
  }
  return report::make_grid(tiles, kColumns, 2);
}

core::Image Sampler::grid(model::Generator& generator, int64_t draw, int64_t count) const {
  return grid(count, [&](int64_t first, int64_t part) {
    const at::Tensor labels =
        setup_.model.is_conditional() ? class_a_row(first, part, {}) : at::Tensor();
    return images(generator, draw, first, part, labels);
  });
}

}  // namespace bbg::measure
