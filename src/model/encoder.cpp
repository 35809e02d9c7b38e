#include "model/encoder.h"

#include "model/cross_replica_norm.h"
#include "model/layers.h"
#include "model/mlp.h"
#include "model/strided_trunk.h"

namespace bbg::model {

namespace {

// Pre-activation basic block; the projection shortcut reads the activated tensor
// (docs/choices.md 27, 34).
class BasicBlock {
 public:
  BasicBlock(Context& context, const Scope& scope, int64_t in, int64_t out, int64_t stride)
      : norm1_(context, scope / "norm1", in),
        conv1_(context, scope / "conv1",
               {.in = in, .out = out, .kernel = 3, .stride = stride, .bias = false}, false),
        norm2_(context, scope / "norm2", out),
        conv2_(context, scope / "conv2", {.in = out, .out = out, .kernel = 3, .bias = false},
               false) {
    if (stride != 1 || in != out) {
      shortcut_.emplace(
          context, scope / "shortcut",
          ConvShape{.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false}, false);
    }
  }

  at::Tensor operator()(const at::Tensor& x) {
    const at::Tensor activated = at::relu(norm1_(x));
    const at::Tensor h = conv2_(at::relu(norm2_(conv1_(activated))));
    return h + (shortcut_ ? (*shortcut_)(activated) : x);
  }

 private:
  BatchNorm norm1_;
  Conv conv1_;
  BatchNorm norm2_;
  Conv conv2_;
  std::optional<Conv> shortcut_;
};

// Small pre-activation ResNet for 32 px (docs/choices.md 29, 31, 34).
class SmallResNet {
 public:
  SmallResNet(Context& context, const Scope& scope, const ModelOptions& options)
      : root_(context, scope / "root",
              {.in = options.channels, .out = options.e_width, .kernel = 3, .bias = false}, false) {
    int64_t in = options.e_width;
    for (int stage = 0; stage < 3; ++stage) {
      const int64_t out = options.e_width << stage;
      for (int block = 0; block < 2; ++block) {
        const Scope place =
            scope / ("stages." + std::to_string(stage) + "." + std::to_string(block));
        blocks_.emplace_back(context, place, in, out, stage > 0 && block == 0 ? 2 : 1);
        in = out;
      }
    }
    norm_.emplace(context, scope / "norm", in);
    out_features_ = in;
  }

  at::Tensor operator()(const at::Tensor& x) {
    at::Tensor h = root_(x);
    for (BasicBlock& block : blocks_) h = block(h);
    return (*norm_)(h).mean({2, 3});
  }
  int64_t out_features() const { return out_features_; }

 private:
  Conv root_;
  std::vector<BasicBlock> blocks_;
  std::optional<BatchNorm> norm_;
  int64_t out_features_ = 0;
};

}  // namespace

at::Tensor Code::sample(const at::Tensor& epsilon) const {
  return sigma.defined() ? at::addcmul(mean, sigma, epsilon) : mean;
}

struct Encoder::Parts {
  std::optional<SmallResNet> residual;
  std::optional<StridedTrunk> strided;
  std::optional<ResidualMlp> head;
  std::optional<Linear> output;
};

Encoder::Encoder(const ModelOptions& options, comm::Communicator& communicator, uint64_t seed,
                 at::TensorOptions tensor_options)
    : Network("E", options, communicator, seed, tensor_options),
      parts_(new Parts),
      stochastic_(options.e_stochastic) {
  int64_t features = 0;
  if (options.block == "strided") {
    parts_->strided.emplace(context(), root(), options, options.e_width, "bn");
    features = parts_->strided->out_features();
  } else {
    parts_->residual.emplace(context(), root(), options);
    features = parts_->residual->out_features();
  }
  parts_->head.emplace(context(), root() / "head", features, options.e_head_width,
                       options.e_head_depth, false);
  parts_->output.emplace(context(), root() / "output", parts_->head->out_features(),
                         options.z_dim * (stochastic_ ? 2 : 1), true, false);
}

Encoder::~Encoder() = default;

Code Encoder::forward(const at::Tensor& x) {
  const at::Tensor feature = parts_->strided ? (*parts_->strided)(x) : (*parts_->residual)(x);
  const at::Tensor output = (*parts_->output)((*parts_->head)(feature));
  if (!stochastic_) return {.mean = output, .sigma = {}, .feature = feature};
  const std::vector<at::Tensor> halves = output.chunk(2, 1);
  return {.mean = halves[0], .sigma = at::softplus(halves[1]), .feature = feature};
}

}  // namespace bbg::model
