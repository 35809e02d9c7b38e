#include "model/families.h"

#include <gtest/gtest.h>

#include <utility>

#include "comm/self_communicator.h"
#include "model/joint_parts.h"
#include "model/nets.h"

namespace bbg::model {
namespace {

// A family that the program does not have: one linear map each way.
class ToyGenerator final : public Generator {
 public:
  ToyGenerator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
      : Generator("G", options.network_settings(), backend, seed),
        shape_{-1, options.channels, options.resolution, options.resolution},
        linear_(context(), root() / "linear", options.z_dim,
                options.channels * options.resolution * options.resolution, true, false) {}
  at::Tensor forward(const at::Tensor& z, const at::Tensor&) override {
    return at::tanh(linear_(z)).view(shape_);
  }

 private:
  std::vector<int64_t> shape_;
  nn::Linear linear_;
};

class ToyTrunk {
 public:
  ToyTrunk(nn::Context& context, const nn::Scope& scope, const ModelOptions& options)
      : linear_(context, scope, options.channels * options.resolution * options.resolution,
                options.width, true, false),
        width_(options.width) {}
  at::Tensor operator()(const at::Tensor& x) { return at::relu(linear_(x.flatten(1))); }
  int64_t out_features() const { return width_; }

 private:
  nn::Linear linear_;
  int64_t width_;
};

// `block` names no family of the program's table: the test passes the entry itself.
constexpr Family kToy = {
    .block = Block::kStrided,
    .encoder = EncoderKind::kMlp,
    .make_generator = [](const ModelOptions& options, const nn::Backend& backend,
                         uint64_t seed) -> std::unique_ptr<Generator> {
      return std::make_unique<ToyGenerator>(options, backend, seed);
    },
    .make_discriminator = [](nn::Context& context, const nn::Scope& scope,
                             const nn::Scope& code_scope,
                             const ModelOptions& options) -> std::unique_ptr<DiscriminatorParts> {
      return std::make_unique<JointParts>(context, scope, code_scope, options,
                                          make_trunk<ToyTrunk>(context, scope / "F", options));
    },
    .check = [](const ModelOptions&) {}};

ModelOptions toy_options() {
  ModelOptions options;
  options.resolution = 6;
  options.z_dim = 4;
  options.width = 8;
  options.h_width = options.j_width = options.e_head_width = 4;
  options.h_depth = options.j_depth = options.e_head_depth = 1;
  options.e_width = 8;
  options.encoder = EncoderKind::kMlp;
  options.d_norm = DNorm::kNone;
  return options;
}

at::Tensor hinge(const core::Scores& real, const core::Scores& made) {
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (const auto score : {&core::Scores::x, &core::Scores::z, &core::Scores::xz}) {
    loss = loss + at::relu(1 - real.*score).mean() + at::relu(1 + made.*score).mean();
  }
  return loss;
}

void step_down(const nn::Network& network, double rate) {
  const at::NoGradGuard no_grad;
  for (const nn::NamedTensor& entry : network.store().parameters()) {
    ASSERT_TRUE(entry.tensor.grad().defined()) << entry.name;
    at::Tensor(entry.tensor).sub_(entry.tensor.grad() * rate);
    at::Tensor(entry.tensor).mutable_grad() = at::Tensor();
  }
}

TEST(Families, OneEntryIsASystemThatTrains) {
  comm::SelfCommunicator communicator;
  const auto ops = ops::make_ops(at::kCPU);
  const ModelOptions options = toy_options();
  kToy.check(options);
  const Nets nets = make_nets(kToy, options, {communicator, *ops, at::kDouble}, 3);
  EXPECT_EQ(nets.discriminator->feature_width(), options.width);
  const at::Tensor x = at::sin(at::arange(5 * 3 * 6 * 6, at::kDouble)).view({5, 3, 6, 6});
  const at::Tensor z = at::cos(at::arange(5 * 4, at::kDouble)).view({5, 4});
  const auto loss = [&] {
    for (nn::Network* network : std::initializer_list<nn::Network*>{
             nets.generator.get(), nets.encoder.get(), nets.discriminator.get()}) {
      network->begin_substep();
    }
    return hinge(nets.discriminator->forward(x, nets.encoder->forward(x).sample(z)),
                 nets.discriminator->forward(nets.generator->forward(z), z));
  };
  const at::Tensor before = loss();
  before.backward();
  // D goes down its loss; G and E, which want it higher, have gradients in all parameters too.
  step_down(*nets.discriminator, 1e-3);
  step_down(*nets.generator, 0);
  step_down(*nets.encoder, 0);
  EXPECT_LT(loss().item<double>(), before.item<double>());
}

TEST(Families, EveryWordOfAnOptionHasItsEntry) {
  for (const auto& [word, block] : kBlocks) EXPECT_TRUE(family_of(block).block == block) << word;
  for (const auto& [word, kind] : kEncoderKinds) {
    if (kind != EncoderKind::kAuto) {
      EXPECT_TRUE(encoder_of(kind).kind == kind) << word;
    }
  }
  EXPECT_THROW(encoder_of(EncoderKind::kAuto), core::InternalError);
}

TEST(Families, NameTheEncoderThatGoesWithThem) {
  const std::pair<Block, EncoderKind> expected[] = {{Block::kResidual, EncoderKind::kSmall},
                                                    {Block::kStrided, EncoderKind::kStrided},
                                                    {Block::kMlp, EncoderKind::kMlp},
                                                    {Block::kBiGan, EncoderKind::kAlexNet}};
  for (const auto& [block, kind] : expected) {
    ModelOptions options;
    options.block = block;
    EXPECT_EQ(options.encoder_kind(), kind);
    options.encoder = EncoderKind::kResNet50;
    EXPECT_EQ(options.encoder_kind(), EncoderKind::kResNet50);
  }
}

}  // namespace
}  // namespace bbg::model
