#include "eval/label_places.h"

#include <algorithm>

namespace bbg::eval {

at::Tensor label_places(const at::Tensor& scores, const at::Tensor& labels) {
  const at::Tensor wanted = labels.unsqueeze(1), own = scores.gather(1, wanted);
  const at::Tensor classes = at::arange(scores.size(1), labels.options());
  const at::Tensor before =
      scores.gt(own).logical_or_(scores.eq(own).logical_and_(classes.lt(wanted))).sum(1);
  return at::where(at::isfinite(scores).all(1), before, scores.size(1));
}

void Hits::add(const at::Tensor& scores, const at::Tensor& labels) {
  const at::Tensor places = label_places(scores, labels);
  top1 += places.lt(1).sum().item<int64_t>();
  // Fewer than five classes: a row that is not finite has none of five places either.
  top5 += places.lt(std::min<int64_t>(5, scores.size(1))).sum().item<int64_t>();
  count += labels.size(0);
}

TopAccuracy Hits::shares(comm::Communicator& communicator, at::Device device) const {
  at::Tensor counts = at::tensor({top1, top5, count}, at::kLong).to(device);
  communicator.all_reduce(counts, comm::Reduce::kSum);
  const at::Tensor sums = counts.to(at::kCPU, at::kDouble);
  const double all = sums[2].item<double>();
  return {.top1 = sums[0].item<double>() / all, .top5 = sums[1].item<double>() / all};
}

}  // namespace bbg::eval
