#pragma once
// Kernel distance (Binkowski et al. 2018; on features of the Inception network it is KID): the
// unbiased squared maximum mean discrepancy under the kernel (x.y / d + 1)^3, over random subsets
// of both sets, of which mean and deviation are told. Protocol of torch-fidelity 0.4: 100 subsets
// of 1,000, chosen by RandomState(2020).

#include <functional>

#include "eval/shared_rows.h"

namespace bbg::eval {

struct KernelDistanceOptions {
  int64_t subsets = 100;
  int64_t subset_size = 1000;  // at least 2
};

struct KernelDistance {
  double mean = 0;       // may be slightly below 0
  double deviation = 0;  // over the subsets, population's
};

// Both sets have at least subset_size rows. `subset_done` is called after each subset, by all ranks
// equally often. Kernels in float64. A collective; every rank returns the same result.
KernelDistance kernel_distance(const SharedRows& samples, const SharedRows& real,
                               const KernelDistanceOptions& options = {},
                               const std::function<void()>& subset_done = {});

}  // namespace bbg::eval
