#pragma once
// DiffAugment (Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training"): D
// sees real and generated images after random changes through which gradients pass. Without it a D
// that trains on few images learns them by heart.

#include <ATen/ATen.h>

#include <string>

namespace bbg::train {

// Which changes are made, always in this order.
struct AugmentPolicy {
  bool colour = false, translation = false, cutout = false;

  bool is_empty() const { return !colour && !translation && !cutout; }
};
// Reads words between spaces, in any order. UsageError for any other word.
AugmentPolicy parse_augment_policy(const std::string& words);

// Random numbers for one image, whatever the policy: what one change does to an image does not
// depend on which others are made.
constexpr int64_t kAugmentNumbers = 7;

// images [n, C, S, S] in [-1, 1] (colour may leave that range); numbers [n, 7] float64 in [0, 1) on
// the same device, a row for an image. In float32 and float64 alike the same pixels move.
//   colour       brightness + [-0.5, 0.5); distance to the mean of a pixel's channels times [0, 2)
//                (one channel: nothing); distance to the image's mean times [0.5, 1.5)
//   translation  by up to S / 8 pixels each way, zeros (grey) moving in
//   cutout       a square of S / 2 pixels becomes zeros; its centre may be anywhere, so that part
//                of it may lie outside
at::Tensor augmented(const at::Tensor& images, const AugmentPolicy& policy,
                     const at::Tensor& numbers);

}  // namespace bbg::train
