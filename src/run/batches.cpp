#include "run/batches.h"

#include <ATen/record_function.h>

#include <utility>

#include "data/sample_plan.h"
#include "train/to_device.h"

namespace bbg::run {

Batches::Batches(const RunConfig& config, const data::ShardSet& shards, const core::Slots& slots,
                 at::TensorOptions tensor_options)
    : config_(config),
      shards_(shards),
      slots_(slots),
      tensor_options_(tensor_options),
      seed_(static_cast<uint64_t>(config.run.seed)) {}

void Batches::go_to(int64_t draw, int64_t image_offset) {
  draw_ = draw;
  loader_.emplace(shards_,
                  data::SamplePlan(seed_, shards_.size(), config_.data.batch, image_offset),
                  config_.data, slots_, draw);
  sample_ids_.clear();
}

core::Batch Batches::next() {
  RECORD_USER_SCOPE("data");
  core::Batch batch = loader_->next();
  sample_ids_.push_back(batch.sample_ids);
  batch.images = train::to_device(batch.images, tensor_options_);
  batch.labels = train::to_device(batch.labels, tensor_options_.dtype(at::kLong));
  return batch;
}

train::Noise Batches::noise() {
  RECORD_USER_SCOPE("noise");
  return train::make_noise(seed_, draw_++, slots_, config_.model, tensor_options_,
                           !config_.train.augment.empty());
}

std::vector<at::Tensor> Batches::take_sample_ids() { return std::exchange(sample_ids_, {}); }

}  // namespace bbg::run
