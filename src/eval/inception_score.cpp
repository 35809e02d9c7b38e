#include "eval/inception_score.h"

#include <cmath>

#include "core/error.h"
#include "eval/moments.h"
#include "eval/protocol_seed.h"
#include "eval/random_state.h"

namespace bbg::eval {

namespace {

// The split of each row of this rank.
std::vector<int64_t> splits_of_own(const SharedRows& rows, int64_t splits) {
  const std::vector<int64_t> shuffled = RandomState(kProtocolSeed).permutation(rows.count());
  std::vector<int64_t> split(static_cast<size_t>(rows.own().size(0)));
  for (int64_t part = 0; part < splits; ++part) {
    const int64_t end = (part + 1) * rows.count() / splits;
    for (int64_t place = part * rows.count() / splits; place < end; ++place) {
      const int64_t own = shuffled[static_cast<size_t>(place)] - rows.first();
      if (own >= 0 && own < std::ssize(split)) split[static_cast<size_t>(own)] = part;
    }
  }
  return split;
}

}  // namespace

InceptionScore inception_score(const SharedRows& logits, int64_t splits) {
  BBG_CHECK(splits >= 1 && logits.count() >= splits, "an image for each split");
  const at::Tensor own = logits.own();
  const at::TensorOptions wide = own.options().dtype(at::kDouble);
  const at::Tensor split = at::tensor(splits_of_own(logits, splits), at::kLong).to(own.device());
  // For each split: the sum of p, that of p log p, and the number of images.
  at::Tensor sums = at::zeros({splits, logits.width() + 2}, wide);
  int64_t done = 0;
  for (const at::Tensor& rows : row_blocks(own)) {
    const at::Tensor log_p = rows.to(at::kDouble).log_softmax(1);
    const at::Tensor p = log_p.exp();
    const at::Tensor added =
        at::cat({p, (p * log_p).sum(1, /*keepdim=*/true), at::ones({rows.size(0), 1}, wide)}, 1);
    sums.index_add_(0, split.narrow(0, done, rows.size(0)), added);
    done += rows.size(0);
  }
  logits.communicator().all_reduce(sums, comm::Reduce::kSum);
  const at::Tensor means = sums / sums.narrow(1, logits.width() + 1, 1);
  const at::Tensor q = means.narrow(1, 0, logits.width());
  const at::Tensor scores = (means.select(1, logits.width()) - at::xlogy(q, q).sum(1)).exp();
  return {scores.mean().item<double>(), scores.std(/*unbiased=*/false).item<double>()};
}

}  // namespace bbg::eval
