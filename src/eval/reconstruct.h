#pragma once
// Reconstruction error, the measure of BiGAN's reference code (EGr / EGr_b): the mean over images
// of the L2 norm of x_i - G(E(x_i)), beside the same against another image, x_{i+1} - G(E(x_i)). A
// ratio well below 1 says that reconstructions belong to their images.

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "comm/communicator.h"

namespace bbg::eval {

struct ReconstructionResult {
  double error = 0;
  double error_random = 0;
  double ratio = 0;  // error / error_random; NaN where all images are equal to reconstructions
};

// `batches`: this rank's consecutive part of the images, each [n, ...]; every rank has at least one
// image. The next image is the next of the whole set over batches and ranks, the first after the
// last, so that the result depends on neither. A collective; every rank returns the same result.
ReconstructionResult reconstruction_error(comm::Communicator& communicator,
                                          const std::vector<at::Tensor>& batches,
                                          const std::vector<at::Tensor>& reconstructions);

}  // namespace bbg::eval
