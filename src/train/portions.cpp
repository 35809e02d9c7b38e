#include "train/portions.h"

#include "core/error.h"

namespace bbg::train {

std::vector<Portion> portions(const core::Batch& batch, const Noise& noise, int64_t count) {
  const int64_t rows = batch.images.size(0);
  BBG_CHECK(rows % count == 0, "train.accumulate does not divide a rank's batch");
  const int64_t size = rows / count;
  std::vector<Portion> all;
  for (int64_t i = 0; i < count; ++i) {
    const auto part = [&](const at::Tensor& whole) {
      return whole.defined() ? whole.narrow(0, i * size, size) : whole;
    };
    all.push_back({.batch = {.images = part(batch.images),
                             .labels = part(batch.labels),
                             .sample_ids = part(batch.sample_ids)},
                   .noise = {.z = part(noise.z),
                             .epsilon = part(noise.epsilon),
                             .labels = part(noise.labels),
                             .augment = part(noise.augment)},
                   .is_first = i == 0,
                   .is_last = i + 1 == count});
  }
  return all;
}

void begin(nn::Network& network, const Portion& portion) {
  if (portion.is_first) {
    network.begin_substep();
  } else {
    network.renew_weights();
  }
}

}  // namespace bbg::train
