#include "eval/reconstruct.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace bbg::eval {

namespace {

// Sum over images of the L2 norm of each.
at::Tensor sum_of_norms(const at::Tensor& difference) {
  return difference.flatten(1).to(at::kDouble).square().sum(1).sqrt().sum();
}

}  // namespace

ReconstructionResult reconstruction_error(comm::Communicator& communicator,
                                          const std::vector<at::Tensor>& batches,
                                          const std::vector<at::Tensor>& reconstructions) {
  const at::NoGradGuard no_grad;
  BBG_CHECK(batches.size() == reconstructions.size(), "a reconstruction for each image");
  bool has_images = !batches.empty();
  for (const at::Tensor& batch : batches) has_images = has_images && batch.size(0) > 0;
  BBG_CHECK(communicator.agree(has_images), "every rank and batch has images to reconstruct");

  // [ranks, ...]; the last image of this rank is followed by the first of the next.
  const at::Tensor firsts = communicator.all_gather(batches[0].narrow(0, 0, 1).contiguous());
  const at::Tensor after_last =
      firsts.narrow(0, (communicator.rank() + 1) % communicator.size(), 1);
  at::Tensor sums = at::zeros({3}, batches[0].options().dtype(at::kDouble));
  for (size_t i = 0; i < batches.size(); ++i) {
    const at::Tensor& images = batches[i];
    const at::Tensor following =
        i + 1 < batches.size() ? batches[i + 1].narrow(0, 0, 1) : after_last;
    const at::Tensor next = at::cat({images.slice(0, 1), following});
    const at::Tensor& reconstructed = reconstructions[i];
    BBG_CHECK(reconstructed.sizes() == images.sizes(), "a reconstruction has its image's shape");
    sums[0] += sum_of_norms(images - reconstructed);
    sums[1] += sum_of_norms(next - reconstructed);
    sums[2] += static_cast<double>(images.size(0));
  }
  communicator.all_reduce(sums, comm::Reduce::kSum);
  sums = sums.cpu();
  const double count = sums[2].item<double>();
  ReconstructionResult result{.error = sums[0].item<double>() / count,
                              .error_random = sums[1].item<double>() / count};
  result.ratio = result.error / result.error_random;
  return result;
}

}  // namespace bbg::eval
