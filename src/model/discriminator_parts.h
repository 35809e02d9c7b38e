#pragma once
// The parts of D that depend on its family: what reads the image (F), what reads the code (H), and
// what makes scores of the two.

#include <ATen/ATen.h>

#include "core/types.h"

namespace bbg::model {

class DiscriminatorParts {
 public:
  virtual ~DiscriminatorParts() = default;
  virtual at::Tensor image_features(const at::Tensor& x) = 0;  // x [N, C, S, S]
  // z [N, z_dim]. The result is undefined where no score reads the code.
  virtual at::Tensor code_features(const at::Tensor& z) = 0;
  // [N, f], for probe and neighbours: what the score of the image reads, else image_features.
  virtual at::Tensor feature(const at::Tensor& x) = 0;
  virtual int64_t feature_width() const = 0;  // f
  // Each [N], undefined where the system lacks it. labels as in Discriminator::scores.
  virtual core::Scores scores(const at::Tensor& image_features, const at::Tensor& code_features,
                              const at::Tensor& labels) = 0;
};

}  // namespace bbg::model
