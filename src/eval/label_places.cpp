#include "eval/label_places.h"

namespace bbg::eval {

at::Tensor label_places(const at::Tensor& scores, const at::Tensor& labels) {
  const at::Tensor wanted = labels.unsqueeze(1), own = scores.gather(1, wanted);
  const at::Tensor classes = at::arange(scores.size(1), labels.options());
  const at::Tensor before =
      scores.gt(own).logical_or_(scores.eq(own).logical_and_(classes.lt(wanted))).sum(1);
  return at::where(at::isfinite(scores).all(1), before, scores.size(1));
}

}  // namespace bbg::eval
