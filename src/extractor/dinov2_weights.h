#pragma once
// DINOv2's weights from safetensors files, by the names that are in use:
// - those of facebook/dinov2-small, -base and -large on the hub (`encoder.layer.0.attention...`);
// - Meta's own, which timm's vit_large_patch14_dinov2 shares (`blocks.0.attn.qkv...`).
// Depth, width, patch and grid are read off the tensors.

#include <string>

#include "core/types.h"
#include "extractor/vision_transformer.h"

namespace bbg::extractor {

// float32, on the CPU. `mask_token` is left out: only training needs it. UsageError, which names
// `path` and the tensor, where one is absent, of another shape, or not of this network: the giant
// one, whose MLP is another, and those with registers.
TransformerWeights dinov2_weights(const core::StateDict& state, const std::string& path);

}  // namespace bbg::extractor
