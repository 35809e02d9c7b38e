#include "loss/regression.h"

namespace bbg::loss {

at::Tensor latent_cost(const at::Tensor& mean, const at::Tensor& logits, const at::Tensor& z) {
  return logits.defined() ? at::binary_cross_entropy_with_logits(logits, (z + 1) / 2)
                          : at::mse_loss(mean, z);
}

at::Tensor reconstruction_cost(const std::string& kind, const at::Tensor& images,
                               const at::Tensor& reconstructions) {
  return kind == "l1" ? at::l1_loss(reconstructions, images)
                      : at::mse_loss(reconstructions, images);
}

}  // namespace bbg::loss
