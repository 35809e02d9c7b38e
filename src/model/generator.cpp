#include "model/generator.h"

#include <bit>

#include "model/attention.h"
#include "model/conditional_norm.h"
#include "model/layers.h"
#include "model/layout.h"

namespace bbg::model {

namespace {

constexpr int64_t kClassEmbedding = 128;

class GeneratorBlock {
 public:
  GeneratorBlock(Context& context, const Scope& scope, int64_t condition, int64_t in, int64_t out,
                 bool attention)
      : norm1_(context, scope / "norm1", condition, in),
        conv1_(context, scope / "conv1", {.in = in, .out = out, .kernel = 3}, true),
        norm2_(context, scope / "norm2", condition, out),
        conv2_(context, scope / "conv2", {.in = out, .out = out, .kernel = 3}, true),
        shortcut_(context, scope / "shortcut", {.in = in, .out = out, .kernel = 1}, true) {
    if (attention) attention_.emplace(context, scope / "attention", out);
  }

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& condition) {
    const at::Tensor h = conv1_(upsample_nearest(at::relu(norm1_(x, condition))));
    // The 1x1 convolution commutes with nearest upsampling: a quarter of the work on the small side
    // (docs/choices.md 7).
    const at::Tensor out = conv2_(at::relu(norm2_(h, condition))) + upsample_nearest(shortcut_(x));
    return attention_ ? (*attention_)(out) : out;
  }

 private:
  ConditionalNorm norm1_;
  Conv conv1_;
  ConditionalNorm norm2_;
  Conv conv2_, shortcut_;
  std::optional<Attention> attention_;
};

class ResidualGenerator final : public Generator {
 public:
  ResidualGenerator(const ModelOptions& options, comm::Communicator& communicator, uint64_t seed,
                    at::TensorOptions tensor_options)
      : Generator("G", options, communicator, seed, tensor_options),
        blocks_layout_(generator_layout(options.layout, options.resolution)),
        chunk_(options.z_dim / static_cast<int64_t>(blocks_layout_.size() + 1)),
        first_(blocks_layout_.front().in * options.width),
        embedding_(options.g_condition == "single"
                       ? (root() / "class_embedding")
                             .parameter("weight", {1, kClassEmbedding}, Start::kWeight)
                       : at::Tensor()),
        linear_(context(), root() / "linear", chunk_, first_ * 16, true, true) {
    const int64_t condition = chunk_ + (embedding_.defined() ? kClassEmbedding : 0);
    for (size_t i = 0; i < blocks_layout_.size(); ++i) {
      const UpBlock& block = blocks_layout_[i];
      blocks_.emplace_back(context(), root() / ("blocks." + std::to_string(i)), condition,
                           block.in * options.width, block.out * options.width, block.attention);
    }
    const int64_t last = blocks_layout_.back().out * options.width;
    output_norm_.emplace(context(), root() / "output_norm", last);
    output_conv_.emplace(context(), root() / "output_conv",
                         ConvShape{.in = last, .out = options.channels, .kernel = 3}, true);
  }

  at::Tensor forward(const at::Tensor& z) override {
    const std::vector<at::Tensor> chunks = z.split(chunk_, 1);
    at::Tensor h = linear_(chunks[0]).view({-1, first_, 4, 4});
    for (size_t i = 0; i < blocks_.size(); ++i) {
      at::Tensor condition = chunks[i + 1];
      if (embedding_.defined()) {
        condition = at::cat({embedding_.expand({z.size(0), -1}), condition}, 1);
      }
      h = blocks_[i](h, condition);
    }
    return at::tanh((*output_conv_)(at::relu((*output_norm_)(h))));
  }

 private:
  std::vector<UpBlock> blocks_layout_;
  int64_t chunk_, first_;
  at::Tensor embedding_;  // [1, 128]; undefined without
  Linear linear_;
  std::vector<GeneratorBlock> blocks_;
  std::optional<BatchNorm> output_norm_;
  std::optional<Conv> output_conv_;
};

class StridedGenerator final : public Generator {
 public:
  StridedGenerator(const ModelOptions& options, comm::Communicator& communicator, uint64_t seed,
                   at::TensorOptions tensor_options)
      : Generator("G", options, communicator, seed, tensor_options) {
    const int levels = std::countr_zero(static_cast<uint64_t>(options.resolution)) - 2;
    top_ = options.width << (levels - 1);
    linear_.emplace(context(), root() / "linear", options.z_dim, top_ * 16, false, false);
    norms_.emplace_back(context(), root() / "norm0", top_);
    int64_t width = top_;
    for (int i = 0; i < levels; ++i) {
      const bool last = i == levels - 1;
      const std::string index = std::to_string(i);
      deconvs_.emplace_back(context(), root() / ("deconvs." + index), width,
                            last ? options.channels : width / 2, last);
      width /= 2;
      if (!last) norms_.emplace_back(context(), root() / ("norms." + index), width);
    }
  }

  at::Tensor forward(const at::Tensor& z) override {
    at::Tensor h = (*linear_)(z).view({-1, top_, 4, 4});
    for (size_t i = 0; i < deconvs_.size(); ++i) h = deconvs_[i](at::relu(norms_[i](h)));
    return at::tanh(h);
  }

 private:
  int64_t top_ = 0;
  std::optional<Linear> linear_;
  std::vector<BatchNorm> norms_;
  std::vector<UpConv> deconvs_;
};

}  // namespace

std::unique_ptr<Generator> make_generator(const ModelOptions& options,
                                          comm::Communicator& communicator, uint64_t seed,
                                          at::TensorOptions tensor_options) {
  if (options.block == "strided") {
    return std::make_unique<StridedGenerator>(options, communicator, seed, tensor_options);
  }
  return std::make_unique<ResidualGenerator>(options, communicator, seed, tensor_options);
}

}  // namespace bbg::model
