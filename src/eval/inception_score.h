#pragma once
// Inception Score (Salimans et al. 2016): exp of the mean divergence of p(class | image) from its
// mean over images, in `splits` parts of the images, of which mean and deviation are told. Protocol
// of torch-fidelity 0.4: 10 splits, shuffled by RandomState(2020); StudioGAN and compare_gan take
// one split, which gives a higher score.

#include "eval/shared_rows.h"

namespace bbg::eval {

struct InceptionScore {
  double mean = 0;
  double deviation = 0;  // over the splits, population's
};

// logits [n, classes], at least `splits` of them; NaN where one is not finite. In float64. A
// collective; every rank returns the same result.
InceptionScore inception_score(const SharedRows& logits, int64_t splits);

}  // namespace bbg::eval
