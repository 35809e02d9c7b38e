#pragma once
// Reconstruction error, the measure of BiGAN's reference code (EGr / EGr_b): the mean over images
// of the L2 norm of x_i - G(E(x_i)), beside the same against another image, x_{i+1} - G(E(x_i)). A
// ratio well below 1 says that reconstructions belong to their images.

#include <ATen/ATen.h>

#include "comm/communicator.h"

namespace bbg::eval {

struct ReconstructionResult {
  double error = 0;
  double error_random = 0;
  double ratio = 0;  // error / error_random; NaN where all images are equal to reconstructions
};

// Sums over images that come batch by batch, in the order of the set, each rank its consecutive
// part; one batch is kept. The next image is the next of the whole set over batches and ranks, the
// first after the last, so that the result depends on neither. Every rank has an image.
class ReconstructionSums {
 public:
  void add(const at::Tensor& images, const at::Tensor& reconstructed);  // [n, ...] each, n > 0
  // A collective; every rank returns the same result.
  ReconstructionResult finish(comm::Communicator& communicator);

 private:
  void take_kept(const at::Tensor& following);

  at::Tensor first_;                 // [1, ...], this rank's
  at::Tensor images_, made_, sums_;  // the batch that is kept; [3]: errors, random errors, images
};

}  // namespace bbg::eval
