#include "train/to_device.h"

namespace bbg::train {

at::Tensor to_device(const at::Tensor& host, const at::TensorOptions& options) {
  const at::Tensor typed = host.to(options.dtype());
  if (!options.device().is_cuda()) return typed;
  return typed.pin_memory().to(options.device(), /*non_blocking=*/true);
}

}  // namespace bbg::train
