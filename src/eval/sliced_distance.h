#pragma once
// MIND, the Monge Inception Distance (Berthet et al., arXiv:2605.06797): the sliced squared
// 2-Wasserstein distance of two sets of features, times 3 d. Protocol of torch-fidelity 0.5: 1,000
// unit directions and, where the sets differ in size, the larger one's subset, all drawn by
// libtorch's CPU generator from seed 2020: the same numbers as there.

#include <functional>

#include "eval/shared_rows.h"

namespace bbg::eval {

inline constexpr int64_t kDirections = 1000;

// Directions are sorted in turns, a few at a time: of them a rank holds all images' projections.
// `turn_done` is called after each turn, by all ranks equally often: direction_turns() times.
// Projections in float32, sums in float64. A collective; every rank returns the same result.
double sliced_distance(const SharedRows& samples, const SharedRows& real,
                       const std::function<void()>& turn_done = {});
int64_t direction_turns();

}  // namespace bbg::eval
