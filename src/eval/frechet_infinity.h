#pragma once
// The Frechet distance that infinitely many samples would have (Chong & Forsyth 2020): distances of
// random subsets of several sizes N lie near a line over 1/N, whose value at 0 is told. It is free
// of the bias that makes distances of fewer samples larger. Protocol of dgm-eval: 15 sizes in equal
// steps from min(5,000, a tenth) to all samples, the real statistics fixed.

#include <functional>

#include "eval/frechet.h"
#include "eval/shared_rows.h"

namespace bbg::eval {

inline constexpr int64_t kFrechetSizes = 15;

// At least 20 samples. `size_done` is called after each of the sizes, by all ranks. Subsets are
// drawn by RandomState(2020) (dgm-eval's are not repeatable). A collective; every rank returns the
// same result, which may be below 0 by chance.
double frechet_infinity(const FrechetDistance& distance, const SharedRows& samples,
                        const std::function<void()>& size_done = {});

}  // namespace bbg::eval
