#pragma once
// Precision and recall of samples (Kynkaanniemi et al. 2019), density and coverage (Naeem et al.
// 2020). A set's manifold is the union of balls around its points, each as large as the distance to
// the point's k-th nearest neighbour in the set.

#include <functional>

#include "eval/shared_rows.h"

namespace bbg::eval {

struct ManifoldOptions {
  int64_t k = 5;
  // A point at a ball's very edge lies in it: torch-fidelity counts it (k = 3), the package prdc
  // does not (k = 5).
  bool is_edge_inside = false;
};

struct Manifold {
  double precision = 0;  // share of samples in a ball around a real image
  double recall = 0;     // share of real images in a ball around a sample
  double density = 0;    // balls around real images that hold a sample, mean over samples, over k
  double coverage = 0;   // share of real images' balls that hold a sample
};

// Results for each of `options`, whose distances are computed once for all, in float64. Both sets
// have more than k rows. `block_done` is called manifold_blocks() times, by all ranks. O(n^2 d),
// shared out over the ranks; a rank holds its own parts, and one block of the others'. A
// collective; every rank returns the same result.
std::vector<Manifold> manifolds(const SharedRows& samples, const SharedRows& real,
                                const std::vector<ManifoldOptions>& options,
                                const std::function<void()>& block_done = {});
int64_t manifold_blocks(const SharedRows& samples, const SharedRows& real);

}  // namespace bbg::eval
