#include "measure/subject.h"

#include <ATen/core/grad_mode.h>

#include <utility>
#include <vector>

namespace bbg::measure {

namespace {

struct Kept {
  at::Tensor buffer, content;
};

void keep(const nn::Network& network, std::vector<Kept>& kept) {
  for (const nn::NamedTensor& buffer : network.store().buffers()) {
    kept.push_back({buffer.tensor, buffer.tensor.clone()});
  }
}

}  // namespace

at::Tensor reconstruct(const Subject& subject, const core::Batch& batch) {
  return subject.generator.forward(subject.encoder->forward(batch.images).mean,
                                   batch.labels.to(batch.images.device()));
}

at::Tensor reconstruct_from_sample(const Subject& subject, const core::Batch& batch,
                                   const at::Tensor& epsilon) {
  return subject.generator.forward(subject.encoder->forward(batch.images).sample(epsilon),
                                   batch.labels.to(batch.images.device()));
}

at::Tensor enlarge(const at::Tensor& images, int64_t size) {
  return images.size(2) == size ? images : at::upsample_bilinear2d(images, {size, size}, false);
}

void leave_as_found(const Subject& subject, const std::function<void()>& use) {
  const at::NoGradGuard no_grad;
  std::vector<Kept> kept;
  keep(subject.generator, kept);
  if (subject.encoder != nullptr) keep(*subject.encoder, kept);
  const auto put_back = [&] {
    for (Kept& one : kept) one.buffer.copy_(one.content);
  };
  try {
    use();
  } catch (...) {
    put_back();
    throw;
  }
  put_back();
}

}  // namespace bbg::measure
