// The stages of a trunk, of every kind of encoder.

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "core/words.h"
#include "model/encoder.h"
#include "model/families.h"
#include "ops/tensor_layout.h"

namespace bbg::model {
namespace {

using ::testing::ElementsAre;

class Stages : public ::testing::TestWithParam<EncoderKind> {
 protected:
  Stages() { encoder_.begin_substep(); }

  static ModelOptions options() {
    ModelOptions options;
    options.resolution = 32;
    options.encoder = GetParam();
    options.e_width = 8;
    options.z_dim = 4;
    options.e_head_width = 8;
    options.e_head_depth = 1;
    return options;
  }
  static at::Tensor images() {
    return at::sin(at::arange(4 * 3 * 32 * 32, at::kFloat) * 0.37).view({4, 3, 32, 32});
  }
  // The output of the stages [first, last) in order.
  at::Tensor through(size_t first, size_t last, at::Tensor h) {
    for (size_t i = first; i < last; ++i) h = trunk_.stage(i, std::move(h));
    return h;
  }

  comm::SelfCommunicator communicator_;
  std::unique_ptr<ops::Ops> ops_ = ops::make_ops(at::kCPU);
  Encoder encoder_{options(), {communicator_, *ops_, at::kFloat}, 3};
  Trunk& trunk_ = encoder_.trunk();
};

TEST_P(Stages, OneAfterTheOtherAreTheTrunk) {
  const at::Tensor x = images();
  const at::Tensor kept = x.clone();
  for (const nn::Mode mode : {nn::Mode::kTrain, nn::Mode::kEvaluate}) {
    encoder_.set_mode(mode);
    for (const bool has_graph : {true, false}) {
      const at::AutoGradMode grad_mode(has_graph);
      const at::Tensor feature = trunk_.end(through(0, trunk_.stages().size(), x));
      EXPECT_EQ(feature.size(1), trunk_.out_features());
      EXPECT_TRUE(at::equal(feature, trunk_.forward(x)));
      EXPECT_TRUE(at::equal(ops::in_full(feature), encoder_.forward(x).feature));
      EXPECT_TRUE(at::equal(x, kept));
    }
  }
}

TEST_P(Stages, AreMapsAsLongAsThereAreSeveral) {
  const size_t count = trunk_.stages().size();
  EXPECT_EQ(count > 1, encoder_of(GetParam()).has_stages);
  if (count == 1) return;
  at::Tensor h = images();
  for (size_t i = 0; i < count; ++i) {
    h = trunk_.stage(i, h);
    ASSERT_EQ(h.dim(), 4) << trunk_.stages()[i].name;
  }
  EXPECT_EQ(trunk_.out_features(), trunk_.is_averaged() ? h.size(1) : h[0].numel());
}

// Training what follows a stage moves the parameters that are told, and no others.
TEST_P(Stages, TellTheirParameters) {
  const std::vector<Stage>& stages = trunk_.stages();
  const std::vector<at::Tensor> parameters = encoder_.parameter_tensors();
  // end() belongs to the last stage.
  for (size_t i = 0; i + 1 < stages.size(); ++i) {
    for (const at::Tensor& parameter : parameters) {
      at::Tensor(parameter).mutable_grad() = at::Tensor();
    }
    at::Tensor h;
    {
      const at::NoGradGuard no_grad;
      h = through(0, i + 1, images());
    }
    trunk_.end(through(i + 1, stages.size(), h)).square().sum().backward();
    for (size_t k = 0; k < parameters.size(); ++k) {
      const bool is_behind = k >= stages[i].parameters && k < stages.back().parameters;
      EXPECT_EQ(parameters[k].grad().defined(), is_behind)
          << stages[i].name << " " << encoder_.store().parameters()[k].name;
    }
  }
  // The head follows.
  const std::vector<nn::NamedTensor>& all = encoder_.store().parameters();
  ASSERT_LT(stages.back().parameters, all.size());
  const std::string& next = all[stages.back().parameters].name;
  EXPECT_TRUE(next.starts_with("head.") || next.starts_with("output.")) << next;
}

INSTANTIATE_TEST_SUITE_P(Encoder, Stages,
                         ::testing::Values(EncoderKind::kSmall, EncoderKind::kStrided,
                                           EncoderKind::kResNet50, EncoderKind::kResNet101,
                                           EncoderKind::kRevNet50, EncoderKind::kAlexNet,
                                           EncoderKind::kMlp),
                         [](const auto& kind) { return core::word_of(kEncoderKinds, kind.param); });

std::vector<std::string> names_of(EncoderKind kind) {
  comm::SelfCommunicator communicator;
  const auto ops = ops::make_ops(at::kCPU);
  ModelOptions options;
  options.resolution = 64;
  options.encoder = kind;
  options.e_width = 2;
  const at::TensorOptions meta = at::TensorOptions(at::kFloat).device(at::kMeta);
  Encoder encoder(options, {communicator, *ops, meta}, 3);
  std::vector<std::string> names;
  for (const Stage& stage : encoder.trunk().stages()) names.push_back(stage.name);
  return names;
}

TEST(StageNames, AreThoseOfThePapers) {
  EXPECT_THAT(names_of(EncoderKind::kAlexNet),
              ElementsAre("conv1", "conv2", "conv3", "conv4", "conv5"));
  EXPECT_THAT(names_of(EncoderKind::kStrided), ElementsAre("conv1", "conv2", "conv3", "conv4"));
  for (const EncoderKind kind :
       {EncoderKind::kSmall, EncoderKind::kResNet50, EncoderKind::kResNet101}) {
    EXPECT_THAT(names_of(kind), ElementsAre("root", "stage1", "stage2", "stage3", "stage4"));
  }
}

}  // namespace
}  // namespace bbg::model
