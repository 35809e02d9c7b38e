#include "eval/crelu.h"

#include "core/error.h"
#include "eval/moments.h"

namespace bbg::eval {

BnCrelu::BnCrelu(comm::Communicator& communicator, const at::Tensor& train_features) {
  constexpr double kEps = 1e-5;
  at::Tensor count =
      at::full({1}, train_features.size(0), train_features.options().dtype(at::kLong));
  communicator.all_reduce(count, comm::Reduce::kSum);
  if (count.item<int64_t>() == 0) {
    throw core::UsageError("the training split of the evaluation has no images",
                           "Give a data set with images.");
  }
  const Moments moments = feature_moments(communicator, train_features, count.item<int64_t>());
  mean_ = moments.mean.to(train_features.scalar_type());
  scale_ = (moments.variance + kEps).rsqrt().to(train_features.scalar_type());
}

at::Tensor BnCrelu::operator()(const at::Tensor& features) const {
  const at::Tensor a = (features - mean_) * scale_;
  return at::cat({at::relu(a), at::relu(-a)}, 1);
}

}  // namespace bbg::eval
