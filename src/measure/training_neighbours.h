#pragma once
// The training images nearest to given ones: whether samples are copies of what was learned from.
// By E's feature, or by pixels (at most 32 x 32) in a system without E; Euclidean.

#include <cstdint>
#include <vector>

#include "measure/images.h"
#include "measure/subject.h"

namespace bbg::measure {

// images [n, C, S, S] in [-1, 1] at G's resolution, the same on all ranks. For each the numbers of
// the `k` nearest training images, the nearest first; all of them where there are fewer. Equally
// near ones: those of lower numbers. The subject has its statistics. A collective; every rank
// returns the same.
std::vector<std::vector<int64_t>> nearest_training_images(const Context& context,
                                                          const Images& images,
                                                          const Subject& subject,
                                                          const at::Tensor& of, int64_t k);

}  // namespace bbg::measure
