#include "run/batches.h"

#include <ATen/record_function.h>

#include <utility>

#include "data/sample_plan.h"

namespace bbg::run {

Batches::Batches(const RunConfig& config, const data::ShardSet& shards, const core::Slots& slots,
                 at::TensorOptions tensor_options, int64_t loader_threads)
    : config_(config),
      shards_(shards),
      slots_(slots),
      tensor_options_(tensor_options),
      options_(config.data),
      seed_(static_cast<uint64_t>(config.run.seed)) {
  options_.loader_threads = loader_threads;
}

void Batches::go_to(int64_t draw, int64_t image_offset) {
  waited_before_ = waited_seconds();
  replaced_before_ = replaced();
  draw_ = draw;
  loader_.reset();  // its memory first
  const data::SamplePlan plan(seed_, shards_.size(), options_.batch, image_offset);
  loader_.emplace(shards_,
                  data::LoaderSetup{.plan = plan,
                                    .options = options_,
                                    .slots = slots_,
                                    .size = config_.model.data_resolution(),
                                    .first_draw = draw},
                  tensor_options_);
  sample_ids_.clear();
}

core::Batch Batches::next() {
  RECORD_USER_SCOPE("data");
  core::Batch batch = loader_->next();
  sample_ids_.push_back(batch.sample_ids);
  return batch;
}

train::Noise Batches::noise() {
  RECORD_USER_SCOPE("noise");
  return train::make_noise(seed_, draw_++, slots_, config_.model, tensor_options_,
                           !config_.train.augment.empty());
}

double Batches::waited_seconds() const {
  return waited_before_ + (loader_ ? loader_->waited_seconds() : 0);
}

data::Replaced Batches::replaced() const {
  data::Replaced all = replaced_before_;
  if (!loader_) return all;
  const data::Replaced now = loader_->replaced();
  all.count += now.count;
  all.first.insert(all.first.end(), now.first.begin(), now.first.end());
  return all;
}

std::vector<at::Tensor> Batches::take_sample_ids() { return std::exchange(sample_ids_, {}); }

}  // namespace bbg::run
