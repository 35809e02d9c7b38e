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
  std::string loss;
  bool simultaneous = false;
  double weight_decay = 0;
  std::string augment = {};
  double clip_norm = 0;
  double latent_to_g = 0;
};

inline void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

inline model::ModelOptions small(const std::string& block, const std::string& d_norm,
                                 const std::string& layout) {
  model::ModelOptions options;
  options.block = block;
  options.d_norm = d_norm;
  options.layout = layout;
  options.resolution = block == "residual" ? 32 : block == "mlp" ? 9 : 16;
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
};

// Called with the state once it is there, and before and after each update.
struct Hooks {
  std::function<void(train::TrainState&)> at_start = [](train::TrainState&) {};
  std::function<void(bool is_d)> before_update = [](bool) {};
  std::function<void()> after_update = [] {};
};

// Trains on images that depend on (draw, slot) alone; returns the state.
inline std::unique_ptr<train::TrainState> run(const Case& test, comm::Communicator& communicator,
                                              int64_t global_batch, int64_t steps,
                                              const Manner& manner = {}, const Hooks& hooks = {}) {
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
  options.cuda_graphs = manner.cuda_graphs ? "on" : "off";
  // Biases in front of a norm have true gradient zero; what arrives is rounding, 1e-16 here, and
  // Adam makes steps of lr * rounding / eps of it (docs/choices.md C5). BigGAN-PyTorch's eps, 1e-6,
  // keeps that below the tolerance in float64.
  options.adam_eps = 1e-6;
  options.ema_start = 2;
  options.ema_decay = 0.9;
  auto state = std::make_unique<train::TrainState>(test.model, options, communicator, kSeed,
                                                   tensor_options, manner.exchange);
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
  return state;
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

inline comm::ExchangeOptions in_buckets(const std::string& exchange, int64_t bytes) {
  return {.exchange = exchange, .bucket_bytes = bytes, .first_bucket_bytes = bytes};
}

inline model::ModelOptions biggan() {
  model::ModelOptions options = small("residual", "sn", "sg");
  options.system = "biggan";
  options.g_condition = "class";
  options.num_classes = 3;
  return options;
}
inline model::ModelOptions uniform_bigan_of_larger_images() {
  model::ModelOptions options = small("strided", "sn", "cg");
  options.system = "bigan";
  options.e_resolution = 32;
  options.prior = "uniform";
  options.e_stochastic = false;
  return options;
}
inline model::ModelOptions mlp(const std::string& system) {
  model::ModelOptions options = small("mlp", "bn", "cg");
  options.system = system;
  options.prior = "uniform";
  options.e_stochastic = false;
  options.e_head_depth = 0;
  return options;
}
// E's images are 1.75 times as large as D's.
inline model::ModelOptions conv_bigan() {
  model::ModelOptions options = mlp("bigan");
  options.block = "bigan";
  options.resolution = 16;
  options.e_resolution = 28;
  return options;
}
inline model::ModelOptions deterministic(model::ModelOptions options, const std::string& system) {
  options.system = system;
  options.e_stochastic = false;
  return options;
}
inline model::ModelOptions conditional_autoencoder() {
  model::ModelOptions options = biggan();
  options.system = "autoencoder";
  options.e_stochastic = false;
  return options;
}
inline model::ModelOptions plain_gan() {
  model::ModelOptions options = small("strided", "bn", "cg");
  options.system = "gan";
  return options;
}

inline std::vector<Case> all_cases() {
  return {Case{"StridedBatchNormLogistic", small("strided", "bn", "cg"), "logistic"},
          Case{"StridedSpectralHinge", small("strided", "sn", "cg"), "hinge"},
          Case{"ResidualHinge", small("residual", "sn", "cg"), "hinge"},
          Case{"ResidualAttentionHinge", small("residual", "sn", "sg"), "hinge"},
          Case{"ConditionalBigGan", biggan(), "hinge"},
          Case{"UniformBiganOfLargerImages", uniform_bigan_of_larger_images(), "logistic"},
          Case{"PlainGan", plain_gan(), "logistic"},
          Case{"MlpBigan", mlp("bigan"), "logistic"},
          Case{"MlpBiganSimultaneous", mlp("bigan"), "logistic", true, 1e-3},
          Case{"ConvBiganSimultaneous", conv_bigan(), "logistic", true, 1e-3},
          Case{"MlpGanSimultaneous", mlp("gan"), "logistic", true},
          Case{"MlpLatentRegressor", mlp("latent-regressor"), "logistic", true, 1e-3},
          Case{"StridedJointLatentRegressor",
               deterministic(small("strided", "bn", "cg"), "latent-regressor"), "logistic", false,
               0, "", 0, 0.25},
          Case{"MlpAutoencoder", mlp("autoencoder"), "logistic", true, 1e-3},
          Case{"StridedAutoencoder", deterministic(small("strided", "bn", "cg"), "autoencoder"),
               "logistic"},
          Case{"ConditionalAutoencoder", conditional_autoencoder(), "hinge"},
          Case{"ResidualSimultaneous", small("residual", "sn", "cg"), "hinge", true, 1e-3},
          Case{"AugmentedAndClipped", small("strided", "sn", "cg"), "hinge", false, 0,
               "colour translation cutout", 0.05},
          Case{"AugmentedBatchNorm", small("strided", "bn", "cg"), "logistic", false, 0,
               "translation cutout"}};
}

}  // namespace bbg::testing
