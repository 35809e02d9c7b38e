#pragma once
// A discriminator with one score, s_xz of the pair or s_x of the image alone, in the parts that
// Discriminator offers: what reads the image, what reads the code, and what joins them. Those of
// BiGAN are built so (Donahue et al. 2017).

#include "model/discriminator_parts.h"

namespace bbg::model {

class SingleScore : public DiscriminatorParts {
 public:
  core::Scores scores(const at::Tensor& image_features, const at::Tensor& code_features,
                      const at::Tensor&) final {
    core::Scores scores;
    (code_features.defined() ? scores.xz : scores.x) = score(image_features, code_features);
    return scores;
  }

 protected:
  virtual at::Tensor score(const at::Tensor& image_features,
                           const at::Tensor& code_features) = 0;  // [N]
};

}  // namespace bbg::model
