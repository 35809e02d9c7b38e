#include "train/noise.h"

#include <cmath>
#include <span>

#include "core/rng.h"
#include "train/diff_augment.h"
#include "train/to_device.h"

namespace bbg::train {

namespace {

// Rows keyed by (draw, slot), whatever the rank that makes them.
template <class Fill>
at::Tensor rows(uint64_t seed, core::Purpose purpose, int64_t draw, const core::Slots& slots,
                int64_t length, Fill fill) {
  at::Tensor all = at::empty({slots.count(), length}, at::kDouble);
  double* data = all.data_ptr<double>();
  for (int64_t i = 0; i < slots.count(); ++i) {
    core::RandomStream stream(seed, purpose, static_cast<uint64_t>(draw),
                              static_cast<uint64_t>(slots[i]));
    fill(stream, std::span(data + i * length, static_cast<size_t>(length)));
  }
  return all;
}

void fill_normal(core::RandomStream& stream, std::span<double> row) { stream.fill_normal(row); }
void fill_unit(core::RandomStream& stream, std::span<double> row) {
  for (double& value : row) value = stream.next_uniform();
}
void fill_uniform(core::RandomStream& stream, std::span<double> row) {
  for (double& value : row) value = 2 * stream.next_uniform() - 1;
}

// Each component that is too large takes the first of the numbers behind the row that is not.
void fill_truncated(core::RandomStream& stream, std::span<double> row,
                    const Truncation& truncation) {
  stream.fill_normal(row);
  for (double& value : row) {
    while (std::abs(value) > truncation.threshold) value = stream.next_normal();
    value *= truncation.scale;
  }
}

}  // namespace

Noise make_noise(uint64_t seed, int64_t draw, const core::Slots& slots,
                 const model::ModelOptions& options, at::TensorOptions tensor_options,
                 bool is_augmenting, const Truncation& truncation) {
  Noise noise;
  noise.z = to_device(rows(seed, core::Purpose::kPrior, draw, slots, options.z_dim,
                           [&](core::RandomStream& stream, std::span<double> row) {
                             if (options.prior == model::Prior::kUniform) {
                               fill_uniform(stream, row);
                             } else {
                               fill_truncated(stream, row, truncation);
                             }
                           }),
                      tensor_options);
  if (options.has_encoder() && options.e_stochastic) {
    noise.epsilon =
        to_device(rows(seed, core::Purpose::kEncoder, draw, slots, options.z_dim, fill_normal),
                  tensor_options);
  }
  if (options.is_conditional()) {
    const auto classes = static_cast<uint64_t>(options.num_classes);
    const at::Tensor labels = rows(seed, core::Purpose::kFakeLabel, draw, slots, 1,
                                   [&](core::RandomStream& stream, std::span<double> row) {
                                     row[0] = static_cast<double>(stream.next_below(classes));
                                   });
    noise.labels = to_device(labels.squeeze(1), tensor_options.dtype(at::kLong));
  }
  if (is_augmenting) {
    const at::Tensor numbers =
        rows(seed, core::Purpose::kDiffAug, draw, slots, 2 * kAugmentNumbers, fill_unit);
    noise.augment = to_device(numbers.view({slots.count(), 2, kAugmentNumbers}),
                              tensor_options.dtype(at::kDouble));
  }
  return noise;
}

}  // namespace bbg::train
