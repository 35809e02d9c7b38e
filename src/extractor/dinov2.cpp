#include "extractor/dinov2.h"

#include <ATen/core/grad_mode.h>

#include <span>
#include <utility>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "core/hash.h"
#include "extractor/dinov2_weights.h"
#include "extractor/image_input.h"

namespace bbg::extractor {

namespace {

constexpr int64_t kSize = 224;

std::string size_of(const TransformerWeights& weights) {
  const auto depth = std::ssize(weights.blocks);
  const int64_t width = weights.width();
  const std::string patch = "/" + std::to_string(weights.patch);
  if (depth == 12 && width == 384) return "ViT-S" + patch;
  if (depth == 12 && width == 768) return "ViT-B" + patch;
  if (depth == 24 && width == 1024) return "ViT-L" + patch;
  return "ViT of " + std::to_string(depth) + " blocks" + patch;
}

void move(Affine& layer, at::Device device) {
  layer.weight = layer.weight.to(device);
  layer.bias = layer.bias.to(device);
}

void move(TransformerWeights& weights, at::Device device) {
  weights.class_token = weights.class_token.to(device);
  weights.positions = weights.positions.to(device);
  move(weights.patches, device);
  move(weights.norm, device);
  for (TransformerBlock& block : weights.blocks) {
    for (Affine* layer : {&block.norm1, &block.attention_in, &block.attention_out, &block.norm2,
                          &block.mlp_in, &block.mlp_out}) {
      move(*layer, device);
    }
    block.scale1 = block.scale1.to(device);
    block.scale2 = block.scale2.to(device);
  }
}

class Dinov2 final : public Extractor {
 public:
  Dinov2(TransformerWeights weights, uint64_t digest) : weights_(std::move(weights)) {
    protocol_ = "DINOv2 " + size_of(weights_) + ", class token (" +
                std::to_string(weights_.width()) +
                "); Pillow bicubic to 224 px, ImageNet mean and deviation";
    core::Hasher hasher;
    hasher.add_number(static_cast<int64_t>(digest));
    hasher.add_text(protocol_);
    fingerprint_ = core::hex(hasher.digest());
  }

  Extracted extract(const at::Tensor& images) override {
    const at::NoGradGuard no_grad;
    const at::NoTF32Guard no_tf32;
    const at::Tensor input = input_(images);
    return {class_tokens(weights_, input)};
  }
  int64_t width() const override { return weights_.width(); }
  bool has_logits() const override { return false; }
  const std::string& protocol() const override { return protocol_; }
  const std::string& fingerprint() const override { return fingerprint_; }

 private:
  const ImageInput input_{
      .resize = Resize::kPillowBicubic, .size = kSize, .range = Range::kImageNet};
  const TransformerWeights weights_;
  std::string protocol_, fingerprint_;
};

}  // namespace

std::unique_ptr<Extractor> load_dinov2(core::FileSystem& files, const std::string& path,
                                       at::Device device) {
  const at::NoGradGuard no_grad;
  if (!files.exists(path)) {
    throw core::UsageError("there is no network at " + path,
                           "give the path of DINOv2's model.safetensors");
  }
  TransformerWeights weights;
  uint64_t digest = 0;
  {
    const std::string bytes = files.read(path);
    digest = core::hash64(std::as_bytes(std::span(bytes)));
    weights = dinov2_weights(checkpoint::parse_safetensors(bytes, path), path);
  }
  if (kSize % weights.patch != 0) {
    throw core::UsageError("the network " + path + " has patches of " +
                               std::to_string(weights.patch) +
                               " px, of which 224 px are no multiple",
                           "bring a DINOv2, whose patches have 14 px");
  }
  weights.positions = interpolated_positions(weights.positions, kSize / weights.patch);
  move(weights, device);
  return std::make_unique<Dinov2>(std::move(weights), digest);
}

}  // namespace bbg::extractor
