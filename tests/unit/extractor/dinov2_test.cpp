// A small DINOv2 of drawn weights, under each scheme of names, against timm's network
// (tests/golden/make_dinov2.py draws the same).

#include "extractor/dinov2.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "support/temporary_folder.h"

namespace bbg::extractor {
namespace {

constexpr int64_t kWidth = 128, kDepth = 2, kGrid = 37, kPatch = 14;

at::Generator generator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

// By Meta's names, which are timm's, in the order in which make_dinov2.py draws.
core::StateDict original() {
  core::StateDict state;
  at::Generator random = generator(14);
  const auto draw = [&](const std::string& name, at::IntArrayRef sizes) {
    at::Tensor x = at::rand(sizes, random) - 0.5;
    const bool is_gain = name.ends_with("gamma") ||
                         (name.find("norm") != std::string::npos && name.ends_with("weight"));
    if (is_gain) x += 1;
    if (sizes.size() > 1) x *= sizes.size() == 3 ? 4. : 0.3;
    state.tensors.emplace_back(name, x);
  };
  draw("cls_token", {1, 1, kWidth});
  draw("pos_embed", {1, kGrid * kGrid + 1, kWidth});
  draw("patch_embed.proj.weight", {kWidth, 3, kPatch, kPatch});
  draw("patch_embed.proj.bias", {kWidth});
  struct Matrix {
    const char* name;
    int64_t rows, columns;
  };
  for (int64_t i = 0; i < kDepth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    for (const Matrix& matrix : {Matrix{"attn.qkv", 3 * kWidth, kWidth},
                                 {"attn.proj", kWidth, kWidth},
                                 {"mlp.fc1", 4 * kWidth, kWidth},
                                 {"mlp.fc2", kWidth, 4 * kWidth}}) {
      draw(block + matrix.name + ".weight", {matrix.rows, matrix.columns});
      draw(block + matrix.name + ".bias", {matrix.rows});
    }
    for (const char* name :
         {"norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"}) {
      draw(block + name, {kWidth});
    }
  }
  draw("norm.weight", {kWidth});
  draw("norm.bias", {kWidth});
  return state;
}

// As Meta saves it: with what only training needs.
core::StateDict with_mask_token() {
  core::StateDict state = original();
  state.tensors.emplace_back("mask_token", at::zeros({1, kWidth}));
  return state;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

// As transformers' convert_dinov2_to_hf.py renames and cuts them.
core::StateDict hub() {
  core::StateDict state;
  for (auto [name, tensor] : with_mask_token().tensors) {
    replace(name, "blocks.", "encoder.layer.");
    replace(name, "attn.proj", "attention.output.dense");
    replace(name, "ls1.gamma", "layer_scale1.lambda1");
    replace(name, "ls2.gamma", "layer_scale2.lambda1");
    replace(name, "patch_embed.proj", "embeddings.patch_embeddings.projection");
    replace(name, "pos_embed", "embeddings.position_embeddings");
    if (name.ends_with("_token")) name = "embeddings." + name;
    if (name.starts_with("norm.")) name = "layer" + name;
    if (name.find("attn.qkv") == std::string::npos) {
      state.tensors.emplace_back(name, tensor);
      continue;
    }
    const char* const parts[] = {"query", "key", "value"};
    for (int64_t i = 0; i < 3; ++i) {
      std::string part = name;
      replace(part, "attn.qkv", std::string("attention.attention.") + parts[i]);
      state.tensors.emplace_back(part, tensor.narrow(0, i * kWidth, kWidth));
    }
  }
  return state;
}

class Dinov2 : public ::testing::Test {
 protected:
  std::string write(const core::StateDict& state) {
    const std::string path = folder_.path() + "/model.safetensors";
    checkpoint::write_safetensors(*files_, path, state);
    return path;
  }
  std::unique_ptr<Extractor> load(const core::StateDict& state) {
    return load_dinov2(*files_, write(state), at::kCPU);
  }
  std::string refusal(const core::StateDict& state) {
    const std::string path = write(state);
    try {
      load_dinov2(*files_, path, at::kCPU);
    } catch (const core::UsageError& error) {
      std::string text = error.what();
      replace(text, path, "FILE");
      return text;
    }
    return "nothing was refused";
  }

  const std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
  const test::TemporaryFolder folder_;
};

TEST_F(Dinov2, GivesTimmsClassTokensOfImagesOfAnySize) {
  const auto network = load(original());
  const core::StateDict golden = checkpoint::read_safetensors(
      *files_, std::string(BBG_SOURCE_DIR) + "/tests/golden/extractors/dinov2.safetensors");
  ASSERT_EQ(golden.tensors.size(), 3u);
  for (const auto& [size, expected] : golden.tensors) {
    const int64_t height = std::stoll(size), width = std::stoll(size.substr(size.find('x') + 1));
    const at::Tensor images = at::randint(0, 256, {3, 3, height, width},
                                          generator(static_cast<uint64_t>(height)), at::kByte);
    const at::Tensor found = network->extract(images).features;
    ASSERT_EQ(found.sizes(), expected.sizes()) << size;
    // float32 through two blocks, features up to 3. Exact GELU matters: tanh's is 4e-4 away.
    EXPECT_LT((found - expected).abs().max().item<double>(), 5e-5) << size;
  }
}

TEST_F(Dinov2, IsTheSameUnderTheNamesOfTheHubAndOfMeta) {
  const at::Tensor images = at::randint(0, 256, {2, 3, 40, 40}, generator(1), at::kByte);
  const at::Tensor expected = load(original())->extract(images).features;
  EXPECT_TRUE(load(hub())->extract(images).features.equal(expected));
  EXPECT_TRUE(load(with_mask_token())->extract(images).features.equal(expected));
}

TEST_F(Dinov2, SaysWhatItIs) {
  const auto network = load(hub());
  EXPECT_EQ(network->width(), kWidth);
  EXPECT_FALSE(network->has_logits());
  EXPECT_EQ(network->protocol(),
            "DINOv2 ViT of 2 blocks/14, class token (128); Pillow bicubic to 224 px, ImageNet mean "
            "and deviation");
  EXPECT_EQ(network->fingerprint(), load(hub())->fingerprint());
  core::StateDict other = hub();
  other.tensors.back().second = other.tensors.back().second + 1;
  EXPECT_NE(network->fingerprint(), load(other)->fingerprint());
}

TEST_F(Dinov2, RefusesAnotherNetworkByTheTensorThatDiffers) {
  const auto without = [](core::StateDict state, const std::string& name) {
    std::erase_if(state.tensors, [&](const auto& entry) { return entry.first == name; });
    return state;
  };
  const auto with = [](core::StateDict state, const std::string& name, const at::Tensor& value) {
    for (auto& entry : state.tensors) {
      if (entry.first == name) {
        entry.second = value;
        return state;
      }
    }
    state.tensors.emplace_back(name, value);
    return state;
  };
  EXPECT_EQ(refusal(without(hub(), "encoder.layer.1.norm2.bias")),
            "the network FILE lacks DINOv2's tensor encoder.layer.1.norm2.bias");
  EXPECT_EQ(refusal(with(original(), "blocks.1.mlp.fc2.weight", at::zeros({kWidth, 500}))),
            "the network FILE has blocks.1.mlp.fc2.weight of shape [128, 500], not [128, 512]");
  EXPECT_EQ(refusal(with(original(), "head.weight", at::zeros({10, kWidth}))),
            "the network FILE has head.weight, which is not of the network meant");
  EXPECT_EQ(refusal(with(original(), "pos_embed", at::zeros({1, 1369, kWidth}))),
            "the network FILE has pos_embed of shape [1, 1369, 128], not [1, 1 + a square, width]");
  EXPECT_EQ(refusal(with(original(), "cls_token", at::zeros({1, 1, 100}))),
            "the network FILE has cls_token of shape [1, 1, 100], not [1, 1, heads of 64]");
  EXPECT_EQ(
      refusal(with(original(), "patch_embed.proj.weight", at::zeros({kWidth, 1, 14, 14}))),
      "the network FILE has patch_embed.proj.weight of shape [128, 1, 14, 14], not [width, 3, "
      "patch, patch]");
  EXPECT_EQ(refusal(with(original(), "patch_embed.proj.weight", at::zeros({kWidth, 3, 15, 15}))),
            "the network FILE has patches of 15 px, of which 224 px are no multiple");
  EXPECT_EQ(refusal(with(hub(), "encoder.layer.0.mlp.weights_in.weight", at::zeros({1}))),
            "the network FILE is the giant DINOv2 (encoder.layer.0.mlp.weights_in.weight), which "
            "is not served");
  EXPECT_EQ(refusal(with(hub(), "embeddings.register_tokens", at::zeros({1, 4, kWidth}))),
            "the network FILE is a DINOv2 with registers (embeddings.register_tokens), which is "
            "not served");
  EXPECT_THROW(load_dinov2(*files_, folder_.path() + "/absent", at::kCPU), core::UsageError);
}

}  // namespace
}  // namespace bbg::extractor
