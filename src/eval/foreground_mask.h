#pragma once
// Masks of objects from two images of one code, where the second's code was moved along a direction
// that darkens the background and leaves the object: Voynov, Morozov & Babenko 2021, "Object
// Segmentation Without Labels with Large-Scale Generative Models" (section 3.2).

#include <ATen/ATen.h>

#include "core/words.h"

namespace bbg::eval {

enum class MaskRule {
  kBrighter,  // where the moved image is brighter than the first
  kMean,      // where the moved image is brighter than its own mean
};
inline constexpr core::Word<MaskRule> kMaskRules[] = {{"brighter", MaskRule::kBrighter},
                                                      {"mean", MaskRule::kMean}};

// Brightness of images [n, C, S, S], [n, S, S]: of three channels luma (0.2989 R + 0.587 G +
// 0.114 B, ITU-R BT.601), of others their mean.
at::Tensor brightness(const at::Tensor& images);

// Images and the moved ones, [n, C, S, S] -> [n, S, S] bool, true on the object. Rank-local.
at::Tensor foreground_mask(const at::Tensor& images, const at::Tensor& moved, MaskRule rule);

}  // namespace bbg::eval
