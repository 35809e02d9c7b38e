#pragma once
// How images come to a network that others trained: brought to its size by the resizer of its
// protocol, and to its range of values. Numbers of different resizers are not comparable: one alone
// can move FID by more than 6 (Parmar et al. 2022).

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "core/words.h"

namespace bbg::extractor {

enum class Resize {
  kNone,            // as they are
  kTensorFlow1,     // bilinear of TensorFlow 1: no antialiasing, corners at corners; FID's
  kBilinear,        // torch's interpolate(align_corners=False): no antialiasing; pytorch-fid's
  kPillowBilinear,  // antialiased, rounded to bytes between the passes and after them
  kPillowBicubic,   // likewise; DINOv2's
};
inline constexpr core::Word<Resize> kResizes[] = {{"none", Resize::kNone},
                                                  {"tf1-bilinear", Resize::kTensorFlow1},
                                                  {"bilinear", Resize::kBilinear},
                                                  {"pillow-bilinear", Resize::kPillowBilinear},
                                                  {"pillow-bicubic", Resize::kPillowBicubic}};

enum class Range {
  kBytes,       // 0 to 255, uint8
  kTensorFlow,  // (x - 128) / 128; FID's
  kSymmetric,   // [-1, 1]
  kUnit,        // [0, 1]
  kImageNet,    // [0, 1], less ImageNet's mean, over its deviation
};
inline constexpr core::Word<Range> kRanges[] = {{"bytes", Range::kBytes},
                                                {"tf", Range::kTensorFlow},
                                                {"symmetric", Range::kSymmetric},
                                                {"unit", Range::kUnit},
                                                {"imagenet", Range::kImageNet}};

struct ImageInput {
  Resize resize = Resize::kTensorFlow1;
  int64_t size = 299;
  Range range = Range::kTensorFlow;

  // images [n, 3, H, W] uint8 -> [n, 3, size, size] on the same device: float32, or uint8 where
  // the range is kBytes (rounded then). Pillow's resizers work on the CPU, on libtorch's threads.
  at::Tensor operator()(const at::Tensor& images) const;
  std::string text() const;  // for protocols
};

}  // namespace bbg::extractor
