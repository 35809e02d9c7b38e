// Promise 1: N ranks x b samples train the same networks as 1 rank x N*b, for every parameter of G,
// E and D, however gradients travel; and the same as with PyTorch's gradient averaging.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>

#include "bench/reducers.h"
#include "comm/make_communicator.h"
#include "support/global_batch.h"
#include "support/self_communicator.h"
#include "train/replica_check.h"
#include "train/step.h"

namespace bbg {
namespace {

constexpr int64_t kSeed = 5;

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

void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

model::ModelOptions small(const std::string& block, const std::string& d_norm,
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
};

// Called with the state once it is there, and before each update.
struct Hooks {
  std::function<void(train::TrainState&)> at_start = [](train::TrainState&) {};
  std::function<void(bool is_d)> before_update = [](bool) {};
};

// Trains on images that depend on (draw, slot) alone; returns the state.
std::unique_ptr<train::TrainState> run(const Case& test, comm::Communicator& communicator,
                                       int64_t global_batch, int64_t steps,
                                       const Manner& manner = {}, const Hooks& hooks = {}) {
  train::TrainOptions options;
  options.d_steps = 1;
  options.simultaneous = test.simultaneous;
  options.weight_decay = test.weight_decay;
  options.augment = test.augment;
  options.clip_norm = test.clip_norm;
  options.warmup_steps = 4;
  options.accumulate = manner.accumulate;
  options.norm_group = manner.norm_group;
  // Biases in front of a norm have true gradient zero; what arrives is rounding, 1e-16 here, and
  // Adam makes steps of lr * rounding / eps of it (docs/choices.md C5). BigGAN-PyTorch's eps, 1e-6,
  // keeps that below the tolerance in float64.
  options.adam_eps = 1e-6;
  options.ema_start = 2;
  options.ema_decay = 0.9;
  auto state = std::make_unique<train::TrainState>(test.model, options, communicator, kSeed,
                                                   at::kDouble, manner.exchange);
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
                     .index_select(0, own_slots);
    own.labels = own_slots.remainder(3);
    return own;
  };
  for (int64_t i = 0; i < steps; ++i) {
    for (int64_t k = 0; k < options.draws_per_step(test.model); ++k) {
      const train::Noise noise =
          train::make_noise(kSeed, draw, slots, test.model, at::kDouble, !test.augment.empty());
      hooks.before_update(k < options.d_updates(test.model));
      if (options.simultaneous) {
        step.update_together(batch(), noise, options.lr_g, options.lr_e, options.lr_d);
      } else if (k < options.d_updates(test.model)) {
        step.update_discriminator(batch(), noise, options.lr_d);
      } else {
        step.update_generator_encoder(batch(), noise, options.lr_g, options.lr_e);
      }
      ++draw;
    }
    state->update_averages(i + 1);
  }
  return state;
}

std::map<std::string, at::Tensor> by_name(const core::StateDict& state) {
  return {state.tensors.begin(), state.tensors.end()};
}

void expect_near(const core::StateDict& actual, const core::StateDict& expected) {
  const auto found = by_name(actual);
  ASSERT_EQ(found.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    // float64 sums in another order, amplified over up to 20 steps of Adam.
    EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-9, 1e-9))
        << name << " differs by " << (found.at(name) - tensor).abs().max().item<double>();
  }
}

comm::ExchangeOptions in_buckets(const std::string& exchange, int64_t bytes) {
  return {.exchange = exchange, .bucket_bytes = bytes, .first_bucket_bytes = bytes};
}

class TrainStep : public ::testing::TestWithParam<Case> {};

TEST_P(TrainStep, OnManyRanksEqualsOneRank) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = testing::global_batch(communicator->size());
  const auto many = run(GetParam(), *communicator, batch, 20)->to_state_dict();
  testing::SelfCommunicator alone;
  const auto one = run(GetParam(), alone, batch, 20)->to_state_dict();
  expect_near(many, one);
}

TEST_P(TrainStep, InPortionsWithGradientsSentDuringBackwardEqualsOneRank) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t portions = 2, batch = testing::global_batch(communicator->size(), portions);
  const auto many = run(GetParam(), *communicator, batch, 4,
                        {.exchange = in_buckets("background", 1), .accumulate = portions})
                        ->to_state_dict();
  testing::SelfCommunicator alone;
  const auto one = run(GetParam(), alone, batch, 4, {.accumulate = portions})->to_state_dict();
  expect_near(many, one);
}

TEST_P(TrainStep, WithItsOptimizerSharedOutEqualsOneRank) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = testing::global_batch(communicator->size());
  testing::SelfCommunicator alone;
  const auto one = run(GetParam(), alone, batch, 4)->to_state_dict();
  for (const std::string exchange : {"whole", "background"}) {
    SCOPED_TRACE(exchange);
    comm::ExchangeOptions shared = in_buckets(exchange, 1 << 10);
    shared.shard_optimizer = true;
    const auto many = run(GetParam(), *communicator, batch, 4, {.exchange = shared});
    const int64_t of_all = many->g.arena.values().numel();
    EXPECT_EQ(many->g.adam.first_moment().numel() * communicator->size(), of_all);
    const auto saved = many->to_state_dict();
    expect_near(saved, one);

    // What is saved is what others load, with and without shares, and of other buckets.
    for (const bool is_shared : {true, false}) {
      comm::ExchangeOptions others = in_buckets("buckets", 1 << 12);
      others.shard_optimizer = is_shared;
      train::TrainState loaded(GetParam().model, {}, *communicator, kSeed + 1, at::kDouble, others);
      if (communicator->rank() == 0) loaded.load(saved);
      loaded.broadcast(*communicator);
      const auto again = by_name(loaded.to_state_dict());
      for (const auto& [name, tensor] : by_name(saved)) {
        EXPECT_TRUE(at::equal(tensor, again.at(name))) << name;
      }
    }
  }
}

// One rank that works through as many portions as there are groups normalises the same samples
// together, and so trains the same; its running statistics move with every portion.
TEST_P(TrainStep, WithNormsOfGroupsEqualsOneRankInPortions) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t size = communicator->size(), batch = testing::global_batch(communicator->size(), 1);
  for (int64_t group = 1; group < size; ++group) {
    if (size % group != 0) continue;
    SCOPED_TRACE(group);
    const auto many =
        run(GetParam(), *communicator, batch, 4, {.norm_group = std::to_string(group)});
    EXPECT_EQ(train::differing_replicas(*many, *communicator), "");
    const auto found = by_name(many->to_state_dict());
    testing::SelfCommunicator alone;
    const auto one = run(GetParam(), alone, batch, 4, {.accumulate = size / group});
    for (const auto& [name, tensor] : one->to_state_dict().tensors) {
      if (name.find("running_") != std::string::npos) continue;
      EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-9, 1e-9)) << name;
    }
  }
  // One host, one group.
  const auto all = run(GetParam(), *communicator, batch, 2)->to_state_dict();
  expect_near(run(GetParam(), *communicator, batch, 2, {.norm_group = "node"})->to_state_dict(),
              all);
}

// What G's first norm sees is the same in groups of any size as long as G has not moved, and so is
// the mean of the means.
TEST(NormGroups, RunningMeansAreThoseOfAllRanks) {
  const auto communicator = comm::make_mpi_communicator({});
  const Case test{"", small("strided", "bn", "cg"), "logistic"};
  const int64_t batch = testing::global_batch(communicator->size());
  const auto first_mean = [&](const std::string& group) {
    const auto state = run(test, *communicator, batch, 1, {.norm_group = group});
    return state->nets.generator->statistics().at(0).clone();
  };
  const at::Tensor mean = first_mean("1");
  EXPECT_GT(mean.abs().max().item<double>(), 1e-3);
  EXPECT_TRUE(at::allclose(mean, first_mean("all"), 0, 1e-12));
}

TEST_P(TrainStep, RepeatsBitForBit) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = testing::global_batch(communicator->size());
  const Manner manner{.exchange = in_buckets("background", 1 << 12)};
  const auto first = run(GetParam(), *communicator, batch, 3, manner)->to_state_dict();
  const auto second = run(GetParam(), *communicator, batch, 3, manner)->to_state_dict();
  for (size_t i = 0; i < first.tensors.size(); ++i) {
    EXPECT_TRUE(at::equal(first.tensors[i].second, second.tensors[i].second))
        << first.tensors[i].first;
  }
}

TEST_P(TrainStep, MovesEveryNetworkAndKeepsRanksEqual) {
  const auto communicator = comm::make_mpi_communicator({});
  const auto state = run(GetParam(), *communicator, testing::global_batch(communicator->size()), 3);
  train::TrainState start(GetParam().model, {}, *communicator, kSeed, at::kDouble);
  const auto expect_moved = [&](train::Trained& trained, train::Trained& untrained) {
    EXPECT_FALSE(at::equal(trained.arena.values(), untrained.arena.values()));
    const at::Tensor all = communicator->all_gather(trained.arena.values().unsqueeze(0));
    for (int64_t r = 0; r < communicator->size(); ++r) EXPECT_TRUE(at::equal(all[r], all[0]));
  };
  expect_moved(state->g, start.g);
  EXPECT_EQ(state->d.has_value(), GetParam().model.has_discriminator());
  if (state->d) expect_moved(*state->d, *start.d);
  EXPECT_EQ(state->e.has_value(), GetParam().model.has_encoder());
  if (state->e) expect_moved(*state->e, *start.e);
}

model::ModelOptions biggan() {
  model::ModelOptions options = small("residual", "sn", "sg");
  options.system = "biggan";
  options.g_condition = "class";
  options.num_classes = 3;
  return options;
}
model::ModelOptions uniform_bigan_of_larger_images() {
  model::ModelOptions options = small("strided", "sn", "cg");
  options.system = "bigan";
  options.e_resolution = 32;
  options.prior = "uniform";
  options.e_stochastic = false;
  return options;
}
model::ModelOptions mlp(const std::string& system) {
  model::ModelOptions options = small("mlp", "bn", "cg");
  options.system = system;
  options.prior = "uniform";
  options.e_stochastic = false;
  options.e_head_depth = 0;
  return options;
}
// E's images are 1.75 times as large as D's.
model::ModelOptions conv_bigan() {
  model::ModelOptions options = mlp("bigan");
  options.block = "bigan";
  options.resolution = 16;
  options.e_resolution = 28;
  return options;
}
model::ModelOptions deterministic(model::ModelOptions options, const std::string& system) {
  options.system = system;
  options.e_stochastic = false;
  return options;
}
model::ModelOptions conditional_autoencoder() {
  model::ModelOptions options = biggan();
  options.system = "autoencoder";
  options.e_stochastic = false;
  return options;
}
model::ModelOptions plain_gan() {
  model::ModelOptions options = small("strided", "bn", "cg");
  options.system = "gan";
  return options;
}

// c10d::Reducer of the same libtorch in place of our exchange, as DistributedDataParallel uses it.
class ReducedByPyTorch : public ::testing::TestWithParam<std::tuple<Case, size_t>> {};

TEST_P(ReducedByPyTorch, TrainsTheSameNetworks) {
  const auto& [test, bucket_bytes] = GetParam();
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = testing::global_batch(communicator->size());
  const auto bytes = static_cast<int64_t>(bucket_bytes);
  const auto ours = run(test, *communicator, batch, 10, {.exchange = in_buckets("buckets", bytes)})
                        ->to_state_dict();

  bench::TimedCommunicator without_exchange(*communicator);
  std::optional<bench::Reducers> reducers;
  const auto theirs =
      run(test, without_exchange, batch, 10, {},
          {.at_start =
               [&, bytes = bucket_bytes](train::TrainState& state) {
                 reducers.emplace(state, without_exchange, bytes, bytes);
               },
           .before_update =
               [&](bool is_d) {
                 if (is_d || (test.simultaneous && test.model.has_discriminator())) {
                   reducers->prepare_discriminator();
                 }
                 if (!is_d || test.simultaneous) reducers->prepare_generator_encoder();
               }})
          ->to_state_dict();
  expect_near(ours, theirs);
}

INSTANTIATE_TEST_SUITE_P(
    Systems, ReducedByPyTorch,
    ::testing::Combine(
        ::testing::Values(
            Case{"StridedBatchNormLogistic", small("strided", "bn", "cg"), "logistic"},
            Case{"ResidualAttentionHinge", small("residual", "sn", "sg"), "hinge"},
            Case{"ConditionalBigGan", biggan(), "hinge"},
            Case{"UniformBiganOfLargerImages", uniform_bigan_of_larger_images(), "logistic"},
            Case{"PlainGan", plain_gan(), "logistic"},
            Case{"StridedJointLatentRegressor",
                 deterministic(small("strided", "bn", "cg"), "latent-regressor"), "logistic", false,
                 0, "", 0, 0.25},
            Case{"StridedAutoencoder", deterministic(small("strided", "bn", "cg"), "autoencoder"),
                 "logistic"},
            Case{"MlpBiganSimultaneous", mlp("bigan"), "logistic", true, 1e-3},
            Case{"MlpAutoencoder", mlp("autoencoder"), "logistic", true, 1e-3},
            Case{"ConvBiganSimultaneous", conv_bigan(), "logistic", true, 1e-3},
            Case{"ResidualSimultaneous", small("residual", "sn", "cg"), "hinge", true, 1e-3}),
        ::testing::Values(size_t{1}, size_t{1} << 30)),
    [](const auto& info) {
      return std::get<0>(info.param).name +
             (std::get<1>(info.param) == 1 ? "OfOneByte" : "OfOneGib");
    });

INSTANTIATE_TEST_SUITE_P(
    Systems, TrainStep,
    ::testing::Values(
        Case{"StridedBatchNormLogistic", small("strided", "bn", "cg"), "logistic"},
        Case{"StridedSpectralHinge", small("strided", "sn", "cg"), "hinge"},
        Case{"ResidualHinge", small("residual", "sn", "cg"), "hinge"},
        Case{"ResidualAttentionHinge", small("residual", "sn", "sg"), "hinge"},
        Case{"ConditionalBigGan", biggan(), "hinge"},
        Case{"UniformBiganOfLargerImages", uniform_bigan_of_larger_images(), "logistic"},
        Case{"PlainGan", plain_gan(), "logistic"}, Case{"MlpBigan", mlp("bigan"), "logistic"},
        Case{"MlpBiganSimultaneous", mlp("bigan"), "logistic", true, 1e-3},
        Case{"ConvBiganSimultaneous", conv_bigan(), "logistic", true, 1e-3},
        Case{"MlpGanSimultaneous", mlp("gan"), "logistic", true},
        Case{"MlpLatentRegressor", mlp("latent-regressor"), "logistic", true, 1e-3},
        Case{"StridedJointLatentRegressor",
             deterministic(small("strided", "bn", "cg"), "latent-regressor"), "logistic", false, 0,
             "", 0, 0.25},
        Case{"MlpAutoencoder", mlp("autoencoder"), "logistic", true, 1e-3},
        Case{"StridedAutoencoder", deterministic(small("strided", "bn", "cg"), "autoencoder"),
             "logistic"},
        Case{"ConditionalAutoencoder", conditional_autoencoder(), "hinge"},
        Case{"ResidualSimultaneous", small("residual", "sn", "cg"), "hinge", true, 1e-3},
        Case{"AugmentedAndClipped", small("strided", "sn", "cg"), "hinge", false, 0,
             "colour translation cutout", 0.05},
        Case{"AugmentedBatchNorm", small("strided", "bn", "cg"), "logistic", false, 0,
             "translation cutout"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bbg
