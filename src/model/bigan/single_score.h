#pragma once
// A discriminator with one score, s_xz of the pair or s_x of the image alone, in the parts that
// Discriminator offers: what reads the image, what reads the code, and what joins them. Those of
// BiGAN are built so (Donahue et al. 2017).

#include <ATen/ATen.h>

namespace bbg::model {

class SingleScore {
 public:
  virtual ~SingleScore() = default;
  virtual at::Tensor image_features(const at::Tensor& x) = 0;  // of [N, C, S, S]
  // Of [N, z_dim]; undefined where the score is that of the image alone.
  virtual at::Tensor code_features(const at::Tensor& z) = 0;
  // [N, f], for probe and neighbours: what the score of the image alone reads, else image_features.
  virtual at::Tensor feature(const at::Tensor& x) = 0;
  virtual int64_t feature_width() const = 0;  // f
  virtual at::Tensor score(const at::Tensor& image_features,
                           const at::Tensor& code_features) = 0;  // [N]
};

}  // namespace bbg::model
