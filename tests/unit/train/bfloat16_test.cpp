// train.precision = bfloat16: it multiplies in it, keeps all else, and its update is close to that
// in float32.
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>

#include "comm/self_communicator.h"
#include "core/rng.h"
#include "ops/cpu_ops.h"
#include "support/cuda_emulator.h"
#include "train/step.h"

namespace bbg::train {
namespace {

struct Case {
  std::string name;
  std::function<void(model::ModelOptions&)> set_options = [](model::ModelOptions&) {};
  double least_of_e = 0.9;  // cosine of E's gradients
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

model::ModelOptions options_of(const Case& test) {
  model::ModelOptions model;
  model.width = model.e_width = 8;
  model.z_dim = 8;
  model.h_width = model.j_width = model.e_head_width = 32;
  model.h_depth = model.j_depth = 2;
  test.set_options(model);
  model.check();
  return model;
}

// Counts the types of inputs of matrix products and convolutions, while it lives.
class Multiplications {
 public:
  Multiplications() {
    types().clear();
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(
            [](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
              static const std::set<std::string> kWatched = {
                  "aten::convolution", "aten::convolution_backward", "aten::addmm", "aten::mm",
                  "aten::bmm"};
              if (kWatched.count(function.name()) == 0) return nullptr;
              const std::lock_guard lock(mutex());
              ++types()[{function.name(), function.inputs()[0].toTensor().scalar_type()}];
              return nullptr;
            })
            .needsInputs(true)
            .scopes({at::RecordScope::FUNCTION}));
  }
  ~Multiplications() { at::removeCallback(handle_); }

  static std::map<std::pair<std::string, at::ScalarType>, int>& types() {
    static std::map<std::pair<std::string, at::ScalarType>, int> counts;
    return counts;
  }

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  at::CallbackHandle handle_;
};

struct Updated {
  std::unique_ptr<TrainState> state;
  loss::Loss loss_d = {}, loss_ge = {};
};

// An update of D and one of G and E with rates of zero: gradients stay.
Updated update(const Case& test, Precision precision, ops::Ops& ops) {
  const model::ModelOptions model = options_of(test);
  TrainOptions options;
  options.precision = precision;
  static comm::SelfCommunicator communicator;
  Updated after{.state = std::make_unique<TrainState>(
                    model, options, nn::Backend{communicator, ops, at::kFloat}, 1)};
  if (after.state->d) {
    // Scores that start at zero would leave G and E none.
    for (const nn::NamedTensor& weight : after.state->nets.discriminator->store().parameters()) {
      const at::NoGradGuard no_grad;
      if (weight.name.find("score") == std::string::npos || weight.tensor.any().item<bool>())
        continue;
      at::Tensor(weight.tensor)
          .copy_(at::sin(at::arange(weight.tensor.numel())).view_as(weight.tensor));
    }
  }
  Step step(*after.state, model, options, {});
  const int64_t size = model.data_resolution(), n = 16;
  // Images that differ: those that are alike would leave E's norms little but rounding to enlarge.
  at::Tensor images = at::empty({n, 3, size, size}, at::kDouble);
  core::RandomStream stream(7, core::Purpose::kEvaluate, 0, 0);
  stream.fill_normal(std::span(images.data_ptr<double>(), static_cast<size_t>(images.numel())));
  const at::Tensor coarse = at::avg_pool2d(images, 4) * 3;
  images = at::upsample_bilinear2d(coarse, {size, size}, false).tanh();
  const core::Batch batch{
      .images = images.to(at::kFloat),
      .labels = at::arange(n).remainder(std::max<int64_t>(1, model.num_classes)),
      .sample_ids = at::arange(n)};
  if (after.state->d) {
    after.loss_d = step.update_discriminator(batch, make_noise(1, 0, {0, n}, model, at::kFloat), 0);
  }
  after.loss_ge =
      step.update_generator_encoder(batch, make_noise(1, 1, {0, n}, model, at::kFloat), 0, 0);
  after.state->update_averages(1);
  return after;
}

class Bfloat16 : public ::testing::TestWithParam<Case> {};

TEST_P(Bfloat16, MultipliesInItAndKeepsTheRest) {
  ops::CpuOps cpu;
  {
    const Multiplications counted;
    update(GetParam(), Precision::kBfloat16, cpu);
  }
  for (const auto& [what, count] : Multiplications::types()) {
    const auto& [name, type] = what;
    // Linear maps of full precision are few and small; their products are not of these.
    if (name == "aten::mm" || name == "aten::addmm") continue;
    EXPECT_EQ(type, at::kBFloat16) << name;
  }
  const Updated low = update(GetParam(), Precision::kBfloat16, cpu),
                full = update(GetParam(), Precision::kFull, cpu);
  EXPECT_EQ(low.loss_ge.total.scalar_type(), at::kFloat);
  const core::StateDict a = low.state->to_state_dict(), b = full.state->to_state_dict();
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].first, b.tensors[i].first);
    EXPECT_EQ(a.tensors[i].second.scalar_type(), at::kFloat) << a.tensors[i].first;
  }
  // The averages, which are evaluated, compute in full precision.
  const at::NoGradGuard no_grad;
  const at::Tensor z = at::sin(at::arange(4 * 8)).view({4, 8});
  const at::Tensor labels = at::zeros({4}, at::kLong);
  TrainState& copy = *full.state;
  nn::copy_state(*low.state->average_g, *copy.average_g);
  for (TrainState* one : {low.state.get(), &copy}) {
    one->average_g->set_mode(nn::Mode::kEvaluate);
    one->average_g->begin_substep();
  }
  EXPECT_TRUE(
      at::equal(low.state->average_g->forward(z, labels), copy.average_g->forward(z, labels)));
}

// Each layer rounds to 2^-9; norms over few samples that are alike enlarge that. PyTorch's autocast
// of the small E has a cosine of 0.92 to 0.98 to float32's gradient; of the deep ones at their
// start, in 32 px, one of 0.3, so nothing is asked of those.
void expect_about_the_gradients_of_float32(const Case& test, ops::Ops& ops) {
  const Updated low = update(test, Precision::kBfloat16, ops),
                full = update(test, Precision::kFull, ops);
  const auto expect_alike = [&](const std::string& name, Trained& own, Trained& expected,
                                double least) {
    const at::Tensor g = own.arena.gradients(), f = expected.arena.gradients();
    EXPECT_GT(f.norm().item<double>(), 1e-3) << name;
    EXPECT_TRUE(at::isfinite(g).all().item<bool>()) << name;
    EXPECT_FALSE(at::equal(g, f)) << name;
    EXPECT_GT((at::dot(g, f) / (g.norm() * f.norm())).item<double>(), least) << name;
  };
  expect_alike("G", low.state->g, full.state->g, 0.98);
  if (low.state->e) expect_alike("E", *low.state->e, *full.state->e, test.least_of_e);
  if (low.state->d) expect_alike("D", *low.state->d, *full.state->d, 0.98);
}

TEST_P(Bfloat16, LeavesAboutTheGradientsOfFloat32) {
  ops::CpuOps cpu;
  expect_about_the_gradients_of_float32(GetParam(), cpu);
}

TEST_P(Bfloat16, DoesSoByAGpusKernels) {
  testing::EmulatedGpu gpu;
  expect_about_the_gradients_of_float32(GetParam(), gpu.ops);
  EXPECT_GT(gpu.num_launches, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, Bfloat16,
    ::testing::Values(
        Case{"Residual"},
        Case{"ConditionalAttention",
             [](model::ModelOptions& m) {
               m.layout = model::Layout::kStudioGan;
               m.g_condition = model::GCondition::kClass;
               m.num_classes = 3;
             }},
        Case{"Strided",
             [](model::ModelOptions& m) {
               m.block = model::Block::kStrided;
               m.d_norm = model::DNorm::kBatch;
             }},
        Case{"Reversible",
             [](model::ModelOptions& m) { m.encoder = model::EncoderKind::kRevNet50; }, -1},
        Case{"ResNet50", [](model::ModelOptions& m) { m.encoder = model::EncoderKind::kResNet50; },
             -1},
        Case{"Mlp",
             [](model::ModelOptions& m) {
               m.system = model::System::kBiGan;
               m.block = model::Block::kMlp;
               m.d_norm = model::DNorm::kBatch;
               m.e_stochastic = false;
               m.width = m.e_width = 64;
             }},
        Case{"BiganOfLargerImages",
             [](model::ModelOptions& m) {
               m.system = model::System::kBiGan;
               m.block = model::Block::kBiGan;
               m.d_norm = model::DNorm::kBatch;
               m.e_stochastic = false;
               m.resolution = 32;
               m.e_resolution = 56;
             }},
        Case{"Autoencoder",
             [](model::ModelOptions& m) {
               m.system = model::System::kAutoencoder;
               m.block = model::Block::kStrided;
               m.e_stochastic = false;
             }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bbg::train
