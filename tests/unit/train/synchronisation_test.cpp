// An update reads no tensor's value on the host: on a GPU each such read would wait for all that is
// enqueued. Shown on the CPU, where the same calls are made.
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <atomic>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"
#include "train/step.h"

namespace bbg::train {
namespace {

std::atomic<int64_t> reads = 0;

// Counts what reads values (item(), and what item() is made of) or makes a shape of them.
class ReadsOfValues {
 public:
  ReadsOfValues() {
    reads = 0;
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& function)
                                       -> std::unique_ptr<at::ObserverContext> {
          const std::string name = function.name();
          if (name == "aten::_local_scalar_dense" || name == "aten::nonzero" ||
              name == "aten::is_nonzero" || name == "aten::equal") {
            ++reads;
          }
          return nullptr;
        }).scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }
  ~ReadsOfValues() { at::removeCallback(handle_); }

 private:
  at::CallbackHandle handle_;
};

class Synchronisation : public ::testing::TestWithParam<std::tuple<model::Block, model::DNorm>> {};

TEST_P(Synchronisation, NoneInAnUpdate) {
  const auto& [block, d_norm] = GetParam();
  for (const bool is_simultaneous : {false, true}) {
    SCOPED_TRACE(is_simultaneous);
    model::ModelOptions model;
    model.block = block;
    model.d_norm = d_norm;
    model.resolution = block == model::Block::kResidual ? 32 : block == model::Block::kMlp ? 9 : 16;
    model.width = model.e_width = 2;
    model.z_dim = 8;
    model.h_width = model.j_width = model.e_head_width = 4;
    if (block == model::Block::kMlp) {
      model.system = model::System::kBiGan;
      model.e_stochastic = false;
    }
    TrainOptions options;
    options.augment = "translation colour cutout";
    options.clip_norm = 1;
    options.orthogonal = 1e-4;
    options.weight_decay = 1e-3;
    options.accumulate = 2;
    comm::SelfCommunicator communicator;
    ops::CpuOps cpu;
    TrainState state(model, options, {communicator, cpu, at::kFloat}, 1);
    Step step(state, model, options, {});
    const int64_t size = model.data_resolution();
    const core::Batch batch{
        .images =
            at::sin(at::arange(4 * 3 * size * size) * 0.37).to(at::kFloat).view({4, 3, size, size}),
        .labels = at::full({4}, -1, at::kLong),
        .sample_ids = at::arange(4)};
    const Noise noise = make_noise(1, 0, {0, 4}, model, at::kFloat, /*is_augmenting=*/true);

    const ReadsOfValues counted;
    // libtorch's fused Adam reads the number of steps on the CPU; on a GPU its kernel does.
    state.g.adam.step(0);
    const int64_t of_adam = reads;
    ASSERT_EQ(of_adam, 1);
    if (is_simultaneous) {
      step.update_together(batch, noise, 1e-4, 1e-4, 1e-4);
    } else {
      step.update_discriminator(batch, noise, 1e-4);
      step.update_generator_encoder(batch, noise, 1e-4, 1e-4);
    }
    state.update_averages(1);
    EXPECT_EQ(reads, 4 * of_adam);  // that one, and D's, G's and E's
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, Synchronisation,
    ::testing::Values(std::tuple{model::Block::kStrided, model::DNorm::kBatch},
                      std::tuple{model::Block::kStrided, model::DNorm::kSpectral},
                      std::tuple{model::Block::kResidual, model::DNorm::kSpectral},
                      std::tuple{model::Block::kMlp, model::DNorm::kBatch}),
    [](const auto& info) {
      return core::word_of(model::kBlocks, std::get<0>(info.param)) + "_" +
             core::word_of(model::kDNorms, std::get<1>(info.param));
    });

}  // namespace
}  // namespace bbg::train
