#include "model/biggan/family.h"
#include "model/biggan/layout.h"
#include "model/joint_parts.h"
#include "nn/attention.h"
#include "nn/layers.h"

namespace bbg::model {

namespace {

class DiscriminatorBlock {
 public:
  DiscriminatorBlock(nn::Context& context, const nn::Scope& scope, int64_t in, int64_t out,
                     bool first, bool down, bool attention, bool skips_always)
      : first_(first),
        down_(down),
        conv1_(context, scope / "conv1", {.in = in, .out = out, .kernel = 3}, true),
        conv2_(context, scope / "conv2",
               {.in = out,
                .out = out,
                .kernel = 3,
                .resample = down ? ops::Resample::kPoolAfter : ops::Resample::kNone},
               true) {
    // Learned where widths differ or the block halves, else identity; compare_gan has none at all
    // where widths are equal (docs/choices.md 15).
    has_skip_ = in != out || skips_always;
    if (has_skip_ && (in != out || down)) {
      shortcut_.emplace(context, scope / "shortcut",
                        nn::ConvShape{.in = in, .out = out, .kernel = 1}, true);
    }
    if (attention) attention_.emplace(context, scope / "attention", out);
  }

  at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor h = conv1_(first_ ? x : at::relu(x), {.relu = true});
    at::Tensor skip;
    if (has_skip_) {
      skip = down_ ? ops::average_pool(x) : x;
      if (shortcut_) skip = (*shortcut_)(skip);
    }
    h = conv2_(h, {.skip = skip});
    return attention_ ? (*attention_)(h) : h;
  }

 private:
  bool first_, down_, has_skip_;
  nn::Conv conv1_, conv2_;
  std::optional<nn::Conv> shortcut_;
  std::optional<nn::Attention> attention_;
};

// F of the residual family: BigGAN's D without its last linear map (Brock et al. 2019, appendix B;
// Donahue & Simonyan 2019, section 2; docs/choices.md 13-18).
class ResidualTrunk {
 public:
  ResidualTrunk(nn::Context& context, const nn::Scope& scope, const ModelOptions& options) {
    const auto layout = discriminator_layout(options);
    for (size_t i = 0; i < layout.size(); ++i) {
      const int64_t in = i == 0 ? options.channels : layout[i].in * options.width;
      blocks_.emplace_back(context, scope / ("blocks." + std::to_string(i)), in,
                           layout[i].out * options.width, i == 0, layout[i].down,
                           layout[i].attention, options.d_skip == DSkip::kBigGanPyTorch);
    }
    out_features_ = layout.back().out * options.width;
  }

  at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor h = ops::channels_last(x);
    for (const DiscriminatorBlock& block : blocks_) h = block(h);
    return ops::in_full(at::relu(h)).sum({2, 3});
  }
  int64_t out_features() const { return out_features_; }

 private:
  std::vector<DiscriminatorBlock> blocks_;
  int64_t out_features_ = 0;
};

}  // namespace

std::unique_ptr<DiscriminatorParts> make_residual_discriminator(nn::Context& context,
                                                                const nn::Scope& scope,
                                                                const nn::Scope& code_scope,
                                                                const ModelOptions& options) {
  return std::make_unique<JointParts>(context, scope, code_scope, options,
                                      make_trunk<ResidualTrunk>(context, scope / "F", options));
}

}  // namespace bbg::model
