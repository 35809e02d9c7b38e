#include "eval/label_subset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "comm/self_communicator.h"
#include "support/threads_communicator.h"
#include "unit/eval/labelled_points.h"

namespace bbg::eval {
namespace {

// 900 samples of nine classes of unequal size: 300 of class 0, 10 of class 8.
Points labelled() {
  std::vector<int64_t> labels;
  const int64_t sizes[] = {300, 150, 100, 90, 80, 70, 60, 40, 10};
  for (int64_t i = 0; std::ssize(labels) < 900; i = (i + 1) % 9) {
    if (std::count(labels.begin(), labels.end(), i) < sizes[i]) labels.push_back(i);
  }
  return {at::zeros({900, 1}), at::tensor(labels, at::kLong)};
}

std::vector<int64_t> alone(const at::Tensor& labels, double share, uint64_t seed = 1) {
  comm::SelfCommunicator self;
  return label_subset(self, labels, share, seed);
}

std::map<int64_t, int64_t> counts(const at::Tensor& labels, const std::vector<int64_t>& rows) {
  std::map<int64_t, int64_t> counts;
  for (const int64_t row : rows) ++counts[labels[row].item<int64_t>()];
  return counts;
}

TEST(LabelSubset, TakesTheSameNumberOfEveryClassOrAllThatItHas) {
  const at::Tensor labels = labelled().labels;
  for (const auto& [share, each] : {std::pair{0.1, 10}, {0.04, 4}, {0.001, 1}, {0.2, 20}}) {
    const auto found = counts(labels, alone(labels, share));
    ASSERT_EQ(found.size(), 9u);
    for (const auto& [label, count] : found)
      EXPECT_EQ(count, label == 8 ? std::min(each, 10) : each);
  }
  EXPECT_EQ(counts(labels, alone(labels, 1)), counts(labels, [] {
              std::vector<int64_t> expected;
              const Points all = labelled();
              std::map<int64_t, int64_t> taken;
              for (int64_t i = 0; i < 900; ++i) {
                if (++taken[all.labels[i].item<int64_t>()] <= 100) expected.push_back(i);
              }
              return expected;
            }()));
}

TEST(LabelSubset, IsTheSameOnAnyNumberOfRanks) {
  const Points all = labelled();
  const std::vector<int64_t> expected = alone(all.labels, 0.1);
  for (const int size : {2, 4}) {
    std::mutex mutex;
    std::vector<int64_t> found;
    bbg::testing::run_ranks(size, [&](comm::Communicator& communicator) {
      const Points own = all.part(communicator, true);
      const std::vector<int64_t> rows = label_subset(communicator, own.labels, 0.1, 1);
      const std::lock_guard lock(mutex);
      for (const int64_t row : rows) found.push_back(own.labels.storage_offset() + row);
    });
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, expected);
  }
}

TEST(LabelSubset, OfMoreLabelsHoldsThatOfFewerAndSeedsDiffer) {
  const at::Tensor labels = labelled().labels;
  const std::vector<int64_t> few = alone(labels, 0.01), many = alone(labels, 0.1);
  EXPECT_TRUE(std::includes(many.begin(), many.end(), few.begin(), few.end()));
  EXPECT_NE(alone(labels, 0.1, 2), many);
  // Not merely the first of each class.
  EXPECT_GT(many.back(), 450);
  EXPECT_EQ(std::set<int64_t>(many.begin(), many.end()).size(), many.size());
}

}  // namespace
}  // namespace bbg::eval
