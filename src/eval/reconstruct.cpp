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

void ReconstructionSums::add(const at::Tensor& images, const at::Tensor& reconstructed) {
  const at::NoGradGuard no_grad;
  BBG_CHECK(images.size(0) > 0, "a batch has images to reconstruct");
  BBG_CHECK(reconstructed.sizes() == images.sizes(), "a reconstruction has its image's shape");
  if (images_.defined()) {
    take_kept(images.narrow(0, 0, 1));
  } else {
    first_ = images.narrow(0, 0, 1).clone();
    sums_ = at::zeros({3}, images.options().dtype(at::kDouble));
  }
  images_ = images;
  made_ = reconstructed;
}

void ReconstructionSums::take_kept(const at::Tensor& following) {
  const at::Tensor next = at::cat({images_.slice(0, 1), following});
  sums_[0] += sum_of_norms(images_ - made_);
  sums_[1] += sum_of_norms(next - made_);
  sums_[2] += static_cast<double>(images_.size(0));
}

ReconstructionResult ReconstructionSums::finish(comm::Communicator& communicator) {
  const at::NoGradGuard no_grad;
  BBG_CHECK(communicator.agree(images_.defined()), "every rank has images to reconstruct");
  // [ranks, ...]; the last image of this rank is followed by the first of the next.
  const at::Tensor firsts = communicator.all_gather(first_.contiguous());
  take_kept(firsts.narrow(0, (communicator.rank() + 1) % communicator.size(), 1));
  communicator.all_reduce(sums_, comm::Reduce::kSum);
  const at::Tensor sums = sums_.cpu();
  const double count = sums[2].item<double>();
  ReconstructionResult result{.error = sums[0].item<double>() / count,
                              .error_random = sums[1].item<double>() / count};
  result.ratio = result.error / result.error_random;
  return result;
}

}  // namespace bbg::eval
