#include "model/discriminator.h"

#include "model/bigan/bigan_discriminator.h"
#include "model/bigan/dense.h"
#include "model/biggan/layout.h"
#include "model/strided/strided_trunk.h"
#include "nn/attention.h"
#include "nn/layers.h"
#include "nn/mlp.h"

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

struct Discriminator::Parts {
  std::unique_ptr<SingleScore> single;  // then it is all there is
  std::optional<ResidualTrunk> residual;
  std::optional<StridedTrunk> strided;
  std::optional<nn::ResidualMlp> h, j;
  std::optional<nn::Linear> score_x, score_z, score_xz;
  std::optional<nn::Weight> class_embedding;  // [classes, f]
};

Discriminator::Discriminator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
    : nn::Network("D", options.network_settings(), backend, seed),
      parts_(new Parts),
      may_mix_halves_(options.d_norm != DNorm::kBatch) {
  const bool spectral = options.d_norm == DNorm::kSpectral;
  const Terms terms = options.active_terms();
  const nn::Scope code_root = options.h_init == HInit::kOrthogonal ? root().orthogonal() : root();
  if (options.block == Block::kMlp) {
    parts_->single = std::make_unique<DenseDiscriminator>(context(), root(), code_root, options);
    feature_width_ = parts_->single->feature_width();
    return;
  }
  if (options.block == Block::kBiGan) {
    parts_->single = std::make_unique<BiganDiscriminator>(context(), root(), code_root, options);
    feature_width_ = parts_->single->feature_width();
    return;
  }
  int64_t image_features = 0;
  if (options.block == Block::kStrided) {
    parts_->strided.emplace(context(), root() / "F", options, options.resolution, options.width,
                            options.d_norm);
    image_features = parts_->strided->out_features();
  } else {
    parts_->residual.emplace(context(), root() / "F", options);
    image_features = parts_->residual->out_features();
  }
  feature_width_ = image_features;
  int64_t code_features = 0;
  if (terms.read_code()) {
    parts_->h.emplace(context(), code_root / "H", options.z_dim, options.h_width, options.h_depth,
                      spectral);
    code_features = parts_->h->out_features();
  }
  if (terms.xz) {
    parts_->j.emplace(context(), root() / "J", image_features + code_features, options.j_width,
                      options.j_depth, spectral);
  }
  if (terms.x) {
    parts_->score_x.emplace(context(), root() / "score_x", image_features, 1, true, spectral,
                            nn::Start::kWeight, nn::Precision::kFull);
    if (options.is_conditional()) {
      parts_->class_embedding.emplace(context(), root() / "class_embedding",
                                      at::IntArrayRef{options.num_classes, image_features},
                                      spectral, nn::Start::kWeight, ops::Resample::kNone,
                                      nn::Precision::kFull);
    }
  }
  if (terms.z) {
    parts_->score_z.emplace(context(), code_root / "score_z", code_features, 1, true, spectral,
                            nn::Start::kWeight, nn::Precision::kFull);
  }
  if (terms.xz) {
    parts_->score_xz.emplace(context(), root() / "score_xz", parts_->j->out_features(), 1, true,
                             spectral, nn::Start::kWeight, nn::Precision::kFull);
  }
}

Discriminator::~Discriminator() = default;

at::Tensor Discriminator::image_features(const at::Tensor& x) {
  if (parts_->single) return parts_->single->image_features(x);
  return ops::in_full(parts_->strided ? (*parts_->strided)(x) : (*parts_->residual)(x));
}

at::Tensor Discriminator::feature(const at::Tensor& x) {
  return parts_->single ? parts_->single->feature(x) : image_features(x);
}

at::Tensor Discriminator::code_features(const at::Tensor& z) {
  if (parts_->single) return parts_->single->code_features(z);
  return parts_->h ? ops::in_full((*parts_->h)(z)) : at::Tensor();
}

core::Scores Discriminator::scores(const at::Tensor& image_features,
                                   const at::Tensor& code_features, const at::Tensor& labels) {
  core::Scores scores;
  if (parts_->single) {
    const at::Tensor score = parts_->single->score(image_features, code_features);
    (code_features.defined() ? scores.xz : scores.x) = score;
    return scores;
  }
  if (parts_->score_x) {
    scores.x = (*parts_->score_x)(image_features).squeeze(1);
    if (parts_->class_embedding) {
      const at::Tensor embedded = at::embedding(parts_->class_embedding->effective(), labels);
      scores.x = scores.x + (embedded * image_features).sum(1);
    }
  }
  if (parts_->score_z) scores.z = (*parts_->score_z)(code_features).squeeze(1);
  if (parts_->score_xz) {
    const at::Tensor joint = (*parts_->j)(at::cat({image_features, code_features}, 1));
    scores.xz = (*parts_->score_xz)(joint).squeeze(1);
  }
  return scores;
}

core::Scores Discriminator::forward(const at::Tensor& x, const at::Tensor& z,
                                    const at::Tensor& labels) {
  // F first, H second: backward takes the newest first, and H's gradients leave before F's
  // (docs/decisions/0004-exchange.md). As arguments of one call they would have no order.
  const at::Tensor of_images = image_features(x);
  const at::Tensor of_codes = code_features(z);
  return scores(of_images, of_codes, labels);
}

}  // namespace bbg::model
