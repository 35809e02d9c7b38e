#include "loss/regression.h"

#include "core/error.h"

namespace bbg::loss {

at::Tensor latent_cost(const at::Tensor& mean, const at::Tensor& logits, const at::Tensor& z) {
  return logits.defined() ? at::binary_cross_entropy_with_logits(logits, (z + 1) / 2)
                          : at::mse_loss(mean, z);
}

at::Tensor reconstruction_cost(Distance distance, const at::Tensor& images,
                               const at::Tensor& reconstructions) {
  switch (distance) {
    case Distance::kSquared:
      return at::mse_loss(reconstructions, images);
    case Distance::kAbsolute:
      return at::l1_loss(reconstructions, images);
  }
  BBG_CHECK(false, "a distance without a cost");
}

}  // namespace bbg::loss
