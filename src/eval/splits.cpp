#include "eval/splits.h"

#include "core/error.h"
#include "eval/moments.h"

namespace bbg::eval {

SplitFacts examine_splits(comm::Communicator& communicator, const at::Tensor& train_features,
                          const at::Tensor& train_labels, const at::Tensor& test_features,
                          const at::Tensor& test_labels) {
  for (const at::Tensor* features : {&train_features, &test_features}) {
    BBG_CHECK(features->dim() == 2, "features must be [n, d]");
  }
  BBG_CHECK(train_features.size(1) == test_features.size(1), "splits of unequal width");
  BBG_CHECK(train_labels.numel() == train_features.size(0), "a label for every training sample");
  BBG_CHECK(test_labels.numel() == test_features.size(0), "a label for every test sample");

  int64_t largest = -1, smallest = 0;
  for (const at::Tensor* labels : {&train_labels, &test_labels}) {
    if (labels->numel() == 0) continue;
    largest = std::max(largest, labels->max().item<int64_t>());
    smallest = std::min(smallest, labels->min().item<int64_t>());
  }
  bool is_finite = true;
  for (const at::Tensor* features : {&train_features, &test_features}) {
    for (const at::Tensor& rows : row_blocks(*features)) {
      is_finite = is_finite && at::isfinite(rows).all().item<bool>();
    }
  }
  at::Tensor extremes = at::tensor({largest, -smallest, int64_t{is_finite ? 0 : 1}}, at::kLong)
                            .to(train_features.device());
  communicator.all_reduce(extremes, comm::Reduce::kMax);
  at::Tensor counts = at::tensor({train_features.size(0), test_features.size(0)}, at::kLong)
                          .to(train_features.device());
  communicator.all_reduce(counts, comm::Reduce::kSum);
  extremes = extremes.cpu();
  counts = counts.cpu();

  const SplitFacts facts{.num_classes = extremes[0].item<int64_t>() + 1,
                         .train_count = counts[0].item<int64_t>(),
                         .test_count = counts[1].item<int64_t>(),
                         .is_finite = extremes[2].item<int64_t>() == 0};
  if (facts.train_count == 0 || facts.test_count == 0) {
    throw core::UsageError(
        std::string("the ") + (facts.train_count == 0 ? "training" : "test") +
            " split of the evaluation has no images",
        "Give a data set with both, or raise eval.probe-* and eval.neighbours-*.");
  }
  if (extremes[1].item<int64_t>() > 0) {
    throw core::UsageError("an image of the evaluation has no label",
                           "Evaluate on a data set in which every image has one.");
  }
  return facts;
}

}  // namespace bbg::eval
