#pragma once
// Small training runs of every system, for tests that compare ways to make the same run: on many
// ranks and on one, on a GPU and on the CPU.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "train/step.h"

namespace bbg::testing {

inline constexpr int64_t kSeed = 5;

struct Case {
  std::string name;
  model::ModelOptions model;
  loss::Kind loss = loss::Kind::kHinge;
  bool simultaneous = false;
  double weight_decay = 0;
  std::string augment = {};
  double clip_norm = 0;
  double latent_to_g = 0;
};

inline void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

inline model::ModelOptions small(model::Block block, model::DNorm d_norm, model::Layout layout) {
  model::ModelOptions options;
  options.block = block;
  options.d_norm = d_norm;
  options.layout = layout;
  options.resolution = block == model::Block::kResidual ? 32 : block == model::Block::kMlp ? 9 : 16;
  options.z_dim = 8;
  options.width = 4;
  options.e_width = 4;
  options.e_head_width = 8;
  options.h_width = options.j_width = 8;
  options.h_depth = options.j_depth = 2;
  return options;
}

// How a run is made, with the same result.
struct Manner {
  comm::ExchangeOptions exchange = {};
  int64_t accumulate = 1;  // the result is that of this number of portions
  std::string norm_group = "all";
  at::Device device = at::kCPU;
  bool cuda_graphs = false;
  ops::Ops* ops = nullptr;  // null: the device's, made for the run
};

// A run's state, with its arithmetic where that was made for it.
struct TrainedRun {
  std::unique_ptr<ops::Ops> own_ops;
  std::unique_ptr<train::TrainState> state;
  train::TrainState* operator->() const { return state.get(); }
  train::TrainState& operator*() const { return *state; }
};

// Called with the state once it is there, and before and after each update.
struct Hooks {
  std::function<void(train::TrainState&)> at_start = [](train::TrainState&) {};
  std::function<void(bool is_d)> before_update = [](bool) {};
  std::function<void()> after_update = [] {};
};

// Trains on images that depend on (draw, slot) alone; returns the state.
inline TrainedRun run(const Case& test, comm::Communicator& communicator, int64_t global_batch,
                      int64_t steps, const Manner& manner = {}, const Hooks& hooks = {}) {
  const at::TensorOptions tensor_options = at::TensorOptions(manner.device).dtype(at::kDouble);
  train::TrainOptions options;
  options.d_steps = 1;
  options.simultaneous = test.simultaneous;
  options.weight_decay = test.weight_decay;
  options.augment = test.augment;
  options.clip_norm = test.clip_norm;
  options.warmup_steps = 4;
  options.accumulate = manner.accumulate;
  options.norm_group = manner.norm_group;
  options.cuda_graphs = manner.cuda_graphs ? train::CudaGraphs::kOn : train::CudaGraphs::kOff;
  // Biases in front of a norm have true gradient zero; what arrives is rounding, 1e-16 here, and
  // Adam makes steps of lr * rounding / eps of it (docs/choices.md C5). BigGAN-PyTorch's eps, 1e-6,
  // keeps that below the tolerance in float64.
  options.adam_eps = 1e-6;
  options.ema_start = 2;
  options.ema_decay = 0.9;
  auto own_ops = manner.ops ? nullptr : ops::make_ops(manner.device);
  ops::Ops& ops = manner.ops ? *manner.ops : *own_ops;
  auto state = std::make_unique<train::TrainState>(
      test.model, options, nn::Backend{communicator, ops, tensor_options}, kSeed, manner.exchange);
  hooks.at_start(*state);
  options.orthogonal = 1e-4;
  loss::LossOptions loss;
  loss.kind = test.loss;
  loss.latent_to_g = test.latent_to_g;
  train::Step step(*state, test.model, options, loss);
  const int64_t size = test.model.data_resolution();
  const auto slots = core::Slots::of_rank(global_batch, communicator.rank(), communicator.size(),
                                          manner.accumulate);
  at::Tensor own_slots = at::empty({slots.count()}, at::kLong);
  for (int64_t i = 0; i < slots.count(); ++i) own_slots[i] = slots[i];
  int64_t draw = 0;
  const auto batch = [&] {
    const at::Tensor index = at::arange(global_batch * 3 * size * size, at::kDouble);
    core::Batch own;
    own.images = at::sin(index * (0.01 + 0.003 * static_cast<double>(draw)))
                     .view({global_batch, 3, size, size})
                     .index_select(0, own_slots)
                     .to(tensor_options);
    own.labels = own_slots.remainder(3).to(manner.device);
    return own;
  };
  for (int64_t i = 0; i < steps; ++i) {
    for (int64_t k = 0; k < options.draws_per_step(test.model); ++k) {
      const train::Noise noise =
          train::make_noise(kSeed, draw, slots, test.model, tensor_options, !test.augment.empty());
      const core::Batch own = batch();
      hooks.before_update(k < options.d_updates(test.model));
      if (options.simultaneous) {
        step.update_together(own, noise, options.lr_g, options.lr_e, options.lr_d);
      } else if (k < options.d_updates(test.model)) {
        step.update_discriminator(own, noise, options.lr_d);
      } else {
        step.update_generator_encoder(own, noise, options.lr_g, options.lr_e);
      }
      hooks.after_update();
      ++draw;
    }
    state->update_averages(i + 1);
  }
  return {std::move(own_ops), std::move(state)};
}

inline std::map<std::string, at::Tensor> by_name(const core::StateDict& state) {
  return {state.tensors.begin(), state.tensors.end()};
}

inline void expect_near(const core::StateDict& actual, const core::StateDict& expected) {
  const auto found = by_name(actual);
  ASSERT_EQ(found.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    // float64 sums in another order, amplified over up to 20 steps of Adam.
    EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-9, 1e-9))
        << name << " differs by " << (found.at(name) - tensor).abs().max().item<double>();
  }
}

inline comm::ExchangeOptions in_buckets(comm::Exchange exchange, int64_t bytes) {
  return {.exchange = exchange, .bucket_bytes = bytes, .first_bucket_bytes = bytes};
}

inline model::ModelOptions biggan() {
  model::ModelOptions options =
      small(model::Block::kResidual, model::DNorm::kSpectral, model::Layout::kStudioGan);
  options.system = model::System::kBigGan;
  options.g_condition = model::GCondition::kClass;
  options.num_classes = 3;
  return options;
}
inline model::ModelOptions uniform_bigan_of_larger_images() {
  model::ModelOptions options =
      small(model::Block::kStrided, model::DNorm::kSpectral, model::Layout::kCompareGan);
  options.system = model::System::kBiGan;
  options.e_resolution = 32;
  options.prior = model::Prior::kUniform;
  options.e_stochastic = false;
  return options;
}
inline model::ModelOptions mlp(model::System system) {
  model::ModelOptions options =
      small(model::Block::kMlp, model::DNorm::kBatch, model::Layout::kCompareGan);
  options.system = system;
  options.prior = model::Prior::kUniform;
  options.e_stochastic = false;
  options.e_head_depth = 0;
  return options;
}
// E's images are 1.75 times as large as D's.
inline model::ModelOptions conv_bigan() {
  model::ModelOptions options = mlp(model::System::kBiGan);
  options.block = model::Block::kBiGan;
  options.resolution = 16;
  options.e_resolution = 28;
  return options;
}
inline model::ModelOptions deterministic(model::ModelOptions options, model::System system) {
  options.system = system;
  options.e_stochastic = false;
  return options;
}
inline model::ModelOptions conditional_autoencoder() {
  model::ModelOptions options = biggan();
  options.system = model::System::kAutoencoder;
  options.e_stochastic = false;
  return options;
}
inline model::ModelOptions plain_gan() {
  model::ModelOptions options =
      small(model::Block::kStrided, model::DNorm::kBatch, model::Layout::kCompareGan);
  options.system = model::System::kGan;
  return options;
}

inline std::vector<Case> all_cases() {
  return {
      Case{"StridedBatchNormLogistic",
           small(model::Block::kStrided, model::DNorm::kBatch, model::Layout::kCompareGan),
           loss::Kind::kLogistic},
      Case{"StridedSpectralHinge",
           small(model::Block::kStrided, model::DNorm::kSpectral, model::Layout::kCompareGan),
           loss::Kind::kHinge},
      Case{"ResidualHinge",
           small(model::Block::kResidual, model::DNorm::kSpectral, model::Layout::kCompareGan),
           loss::Kind::kHinge},
      Case{"ResidualAttentionHinge",
           small(model::Block::kResidual, model::DNorm::kSpectral, model::Layout::kStudioGan),
           loss::Kind::kHinge},
      Case{"ConditionalBigGan", biggan(), loss::Kind::kHinge},
      Case{"UniformBiganOfLargerImages", uniform_bigan_of_larger_images(), loss::Kind::kLogistic},
      Case{"PlainGan", plain_gan(), loss::Kind::kLogistic},
      Case{"MlpBigan", mlp(model::System::kBiGan), loss::Kind::kLogistic},
      Case{"MlpBiganSimultaneous", mlp(model::System::kBiGan), loss::Kind::kLogistic, true, 1e-3},
      Case{"ConvBiganSimultaneous", conv_bigan(), loss::Kind::kLogistic, true, 1e-3},
      Case{"MlpGanSimultaneous", mlp(model::System::kGan), loss::Kind::kLogistic, true},
      Case{"MlpLatentRegressor", mlp(model::System::kLatentRegressor), loss::Kind::kLogistic, true,
           1e-3},
      Case{"StridedJointLatentRegressor",
           deterministic(
               small(model::Block::kStrided, model::DNorm::kBatch, model::Layout::kCompareGan),
               model::System::kLatentRegressor),
           loss::Kind::kLogistic, false, 0, "", 0, 0.25},
      Case{"MlpAutoencoder", mlp(model::System::kAutoencoder), loss::Kind::kLogistic, true, 1e-3},
      Case{"StridedAutoencoder",
           deterministic(
               small(model::Block::kStrided, model::DNorm::kBatch, model::Layout::kCompareGan),
               model::System::kAutoencoder),
           loss::Kind::kLogistic},
      Case{"ConditionalAutoencoder", conditional_autoencoder(), loss::Kind::kHinge},
      Case{"ResidualSimultaneous",
           small(model::Block::kResidual, model::DNorm::kSpectral, model::Layout::kCompareGan),
           loss::Kind::kHinge, true, 1e-3},
      Case{"AugmentedAndClipped",
           small(model::Block::kStrided, model::DNorm::kSpectral, model::Layout::kCompareGan),
           loss::Kind::kHinge, false, 0, "colour translation cutout", 0.05},
      Case{"AugmentedBatchNorm",
           small(model::Block::kStrided, model::DNorm::kBatch, model::Layout::kCompareGan),
           loss::Kind::kLogistic, false, 0, "translation cutout"}};
}

}  // namespace bbg::testing
