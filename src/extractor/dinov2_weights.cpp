#include "extractor/dinov2_weights.h"

#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"

namespace bbg::extractor {

namespace {

constexpr char kHint[] =
    "bring model.safetensors of facebook/dinov2-large (or -base, -small), or of timm's "
    "vit_large_patch14_dinov2.lvd142m";

struct Names {
  std::string class_token, mask_token, positions, patches, block, scale1, scale2, attention_out;
  std::vector<std::string> attention_in;  // one matrix for q, k and v, or three
  std::string norm;
};

const Names& hub_names() {
  static const Names names{
      .class_token = "embeddings.cls_token",
      .mask_token = "embeddings.mask_token",
      .positions = "embeddings.position_embeddings",
      .patches = "embeddings.patch_embeddings.projection",
      .block = "encoder.layer.",
      .scale1 = "layer_scale1.lambda1",
      .scale2 = "layer_scale2.lambda1",
      .attention_out = "attention.output.dense",
      .attention_in = {"attention.attention.query", "attention.attention.key",
                       "attention.attention.value"},
      .norm = "layernorm",
  };
  return names;
}

const Names& original_names() {
  static const Names names{
      .class_token = "cls_token",
      .mask_token = "mask_token",
      .positions = "pos_embed",
      .patches = "patch_embed.proj",
      .block = "blocks.",
      .scale1 = "ls1.gamma",
      .scale2 = "ls2.gamma",
      .attention_out = "attn.proj",
      .attention_in = {"attn.qkv"},
      .norm = "norm",
  };
  return names;
}

std::string text_of(at::IntArrayRef sizes) {
  std::ostringstream text;
  text << sizes;
  return text.str();
}

class Reader {
 public:
  Reader(const core::StateDict& state, const std::string& path)
      : tensors_(state.tensors.begin(), state.tensors.end()), path_(path) {}

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }

  at::Tensor take(const std::string& name) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) refuse("lacks DINOv2's tensor " + name);
    taken_.insert(name);
    return found->second.to(at::kFloat);
  }
  at::Tensor take(const std::string& name, at::IntArrayRef sizes) {
    const at::Tensor tensor = take(name);
    if (tensor.sizes() != sizes) refuse_shape(name, tensor, text_of(sizes));
    return tensor;
  }
  Affine affine(const std::string& name, at::IntArrayRef weight) {
    return {take(name + ".weight", weight), take(name + ".bias", {weight[0]})};
  }

  void end() const {
    for (const auto& [name, tensor] : tensors_) {
      if (taken_.count(name) == 0) refuse("has " + name + ", which is not of the network meant");
    }
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw core::UsageError("the network " + path_ + " " + what, kHint);
  }
  [[noreturn]] void refuse_shape(const std::string& name, const at::Tensor& tensor,
                                 const std::string& expected) const {
    refuse("has " + name + " of shape " + text_of(tensor.sizes()) + ", not " + expected);
  }

 private:
  const std::map<std::string, at::Tensor> tensors_;
  const std::string& path_;
  std::set<std::string> taken_;
};

TransformerBlock block(Reader& reader, const Names& names, const std::string& prefix, int64_t width,
                       int64_t hidden) {
  std::vector<at::Tensor> weights, biases;
  const int64_t rows = 3 / std::ssize(names.attention_in) * width;
  for (const std::string& name : names.attention_in) {
    const Affine part = reader.affine(prefix + name, {rows, width});
    weights.push_back(part.weight);
    biases.push_back(part.bias);
  }
  return {.norm1 = reader.affine(prefix + "norm1", {width}),
          .attention_in = {at::cat(weights), at::cat(biases)},
          .attention_out = reader.affine(prefix + names.attention_out, {width, width}),
          .norm2 = reader.affine(prefix + "norm2", {width}),
          .mlp_in = reader.affine(prefix + "mlp.fc1", {hidden, width}),
          .mlp_out = reader.affine(prefix + "mlp.fc2", {width, hidden}),
          .scale1 = reader.take(prefix + names.scale1, {width}),
          .scale2 = reader.take(prefix + names.scale2, {width})};
}

// The giant network's, by either name; before a missing tensor tells less.
void refuse_other_kinds(const Reader& reader) {
  for (const char* name : {"encoder.layer.0.mlp.weights_in.weight", "blocks.0.mlp.w12.weight"}) {
    if (reader.has(name)) {
      reader.refuse(std::string("is the giant DINOv2 (") + name + "), which is not served");
    }
  }
  for (const char* name : {"embeddings.register_tokens", "register_tokens", "reg_token"}) {
    if (reader.has(name)) {
      reader.refuse(std::string("is a DINOv2 with registers (") + name + "), which is not served");
    }
  }
}

void read_embeddings(Reader& reader, const Names& names, TransformerWeights& weights) {
  weights.class_token = reader.take(names.class_token);
  if (weights.class_token.dim() != 3 || weights.class_token.size(0) != 1 ||
      weights.class_token.size(1) != 1 || weights.width() == 0 || weights.width() % 64 != 0) {
    reader.refuse_shape(names.class_token, weights.class_token, "[1, 1, heads of 64]");
  }
  weights.positions = reader.take(names.positions);
  const at::Tensor& positions = weights.positions;
  const int64_t places = positions.dim() == 3 ? positions.size(1) - 1 : 0;
  const auto grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(places))));
  if (places < 1 || grid * grid != places || positions.size(0) != 1 ||
      positions.size(2) != weights.width()) {
    reader.refuse_shape(names.positions, positions, "[1, 1 + a square, width]");
  }
  const std::string name = names.patches + ".weight";
  const at::Tensor patches = reader.take(name);
  weights.patch = patches.dim() == 4 ? patches.size(3) : 0;
  if (weights.patch == 0 ||
      patches.sizes() != at::IntArrayRef({weights.width(), 3, weights.patch, weights.patch})) {
    reader.refuse_shape(name, patches, "[width, 3, patch, patch]");
  }
  weights.patches = {patches.flatten(1), reader.take(names.patches + ".bias", {weights.width()})};
}

}  // namespace

TransformerWeights dinov2_weights(const core::StateDict& state, const std::string& path) {
  Reader reader(state, path);
  refuse_other_kinds(reader);
  const Names& names = reader.has(original_names().class_token) ? original_names() : hub_names();
  TransformerWeights weights;
  read_embeddings(reader, names, weights);
  const int64_t width = weights.width();
  for (int64_t i = 0;; ++i) {
    const std::string prefix = names.block + std::to_string(i) + ".";
    const std::string hidden = prefix + "mlp.fc1.bias";
    if (i > 0 && !reader.has(prefix + "norm1.weight")) break;
    weights.blocks.push_back(block(reader, names, prefix, width, reader.take(hidden).numel()));
  }
  weights.norm = reader.affine(names.norm, {width});
  if (reader.has(names.mask_token)) reader.take(names.mask_token);
  reader.end();
  return weights;
}

}  // namespace bbg::extractor
