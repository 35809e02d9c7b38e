#include "model/biggan/family.h"
#include "model/biggan/layout.h"
#include "nn/attention.h"
#include "nn/conditional_norm.h"
#include "nn/layers.h"

namespace bbg::model {

namespace {

class GeneratorBlock {
 public:
  GeneratorBlock(nn::Context& context, const nn::Scope& scope, nn::ConditionKind condition,
                 int64_t in, int64_t out, bool attention)
      : norm1_(context, scope / "norm1", condition, in),
        conv1_(context, scope / "conv1",
               {.in = in, .out = out, .kernel = 3, .resample = ops::Resample::kUpsampleBefore},
               true),
        norm2_(context, scope / "norm2", condition, out),
        conv2_(context, scope / "conv2", {.in = out, .out = out, .kernel = 3}, true),
        shortcut_(context, scope / "shortcut", {.in = in, .out = out, .kernel = 1}, true) {
    if (attention) attention_.emplace(context, scope / "attention", out);
  }

  at::Tensor operator()(const at::Tensor& x, const nn::Condition& condition) {
    const at::Tensor h = conv1_(norm1_(x, condition, true));
    // The 1x1 convolution commutes with nearest upsampling: a quarter of the work on the small side
    // (docs/choices.md 7).
    const at::Tensor out =
        conv2_(norm2_(h, condition, true), {.skip = shortcut_(x), .is_upsampled = true});
    return attention_ ? (*attention_)(out) : out;
  }

 private:
  nn::ConditionalNorm norm1_;
  nn::Conv conv1_;
  nn::ConditionalNorm norm2_;
  nn::Conv conv2_, shortcut_;
  std::optional<nn::Attention> attention_;
};

class ResidualGenerator final : public Generator {
 public:
  ResidualGenerator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
      : Generator("G", options.network_settings(), backend, seed),
        blocks_layout_(generator_layout(options)),
        is_split_(options.g_split_z),
        is_conditional_(options.is_conditional()),
        chunk_(options.g_split_z ? options.z_dim / static_cast<int64_t>(blocks_layout_.size() + 1)
                                 : options.z_dim),
        first_(blocks_layout_.front().in * options.generator_width()) {
    if (options.g_condition != GCondition::kNone && options.g_embedding > 0) {
      const int64_t rows = is_conditional_ ? options.num_classes : 1;
      embedding_ = (root() / "class_embedding")
                       .parameter("weight", {rows, options.g_embedding}, nn::Start::kWeight);
    }
    linear_.emplace(context(), root() / "linear", chunk_, first_ * 16, true, true);
    const nn::ConditionKind condition = {
        .features = (embedding_.defined() ? options.g_embedding : 0) + (is_split_ ? chunk_ : 0),
        .classes = is_conditional_ ? options.num_classes : 0};
    for (size_t i = 0; i < blocks_layout_.size(); ++i) {
      const UpBlock& block = blocks_layout_[i];
      blocks_.emplace_back(context(), root() / ("blocks." + std::to_string(i)), condition,
                           block.in * options.generator_width(),
                           block.out * options.generator_width(), block.attention);
    }
    const int64_t last = blocks_layout_.back().out * options.generator_width();
    output_norm_.emplace(context(), root() / "output_norm", last);
    output_conv_.emplace(context(), root() / "output_conv",
                         nn::ConvShape{.in = last, .out = options.channels, .kernel = 3}, true);
  }

  at::Tensor forward(const at::Tensor& z, const at::Tensor& labels) override {
    const std::vector<at::Tensor> chunks = z.split(chunk_, 1);
    const at::Tensor embedded = embed(z.size(0), labels);
    at::Tensor h = ops::channels_last((*linear_)(chunks[0]).view({-1, first_, 4, 4}));
    for (size_t i = 0; i < blocks_.size(); ++i) {
      h = blocks_[i](h, {.vector = condition(embedded, is_split_ ? chunks[i + 1] : at::Tensor()),
                         .labels = labels});
    }
    return at::tanh(ops::in_full((*output_conv_)((*output_norm_)(h, true))));
  }

 private:
  // [N, length of the embedding], or undefined
  at::Tensor embed(int64_t samples, const at::Tensor& labels) const {
    if (!embedding_.defined()) return {};
    return is_conditional_ ? at::embedding(embedding_, labels)
                           : embedding_.expand({samples, embedding_.size(1)});
  }
  static at::Tensor condition(const at::Tensor& embedded, const at::Tensor& chunk) {
    if (!embedded.defined()) return chunk;
    return chunk.defined() ? at::cat({embedded, chunk}, 1) : embedded;
  }

  std::vector<UpBlock> blocks_layout_;
  bool is_split_, is_conditional_;
  int64_t chunk_, first_;
  at::Tensor embedding_;  // [classes or 1, length]; undefined without
  std::optional<nn::Linear> linear_;
  std::vector<GeneratorBlock> blocks_;
  std::optional<nn::BatchNorm> output_norm_;
  std::optional<nn::Conv> output_conv_;
};

}  // namespace

std::unique_ptr<Generator> make_residual_generator(const ModelOptions& options,
                                                   const nn::Backend& backend, uint64_t seed) {
  return std::make_unique<ResidualGenerator>(options, backend, seed);
}

}  // namespace bbg::model
