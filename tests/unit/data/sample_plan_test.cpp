#include "data/sample_plan.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace bbg::data {
namespace {

TEST(SamplePlan, TakesEachSampleOnceAnEpoch) {
  for (const int64_t n : {1, 2, 3, 4, 5, 16, 17, 100, 1000, 4097}) {
    const SamplePlan plan(7, n, 1);
    for (const int64_t epoch : {0, 1, 12345}) {
      std::set<int64_t> seen;
      for (int64_t place = 0; place < n; ++place) seen.insert(plan.permuted(epoch, place));
      ASSERT_EQ(static_cast<int64_t>(seen.size()), n) << n;
      EXPECT_EQ(*seen.begin(), 0);
      EXPECT_EQ(*seen.rbegin(), n - 1);
    }
  }
}

TEST(SamplePlan, StaysInRangeForHugeDataSets) {
  const SamplePlan plan(7, int64_t{1} << 40, 4096);
  for (int64_t draw = 0; draw < 1000; ++draw) {
    const int64_t id = plan.sample_id(draw * 1'000'003, draw);
    EXPECT_GE(id, 0);
    EXPECT_LT(id, int64_t{1} << 40);
  }
}

TEST(SamplePlan, OrderOfSamplesDoesNotDependOnTheBatch) {
  const SamplePlan ones(3, 50, 1), eights(3, 50, 8);
  for (int64_t position = 0; position < 400; ++position) {
    EXPECT_EQ(ones.sample_id(position, 0), eights.sample_id(position / 8, position % 8));
  }
}

TEST(SamplePlan, GoesOnBehindTheSameImageWithAnotherBatch) {
  const SamplePlan before(3, 50, 12), after(3, 50, 8, 5 * (12 - 8)),
      smaller(3, 50, 20, 5 * (12 - 20));
  for (int64_t place = 0; place < 200; ++place) {
    const int64_t expected = before.sample_id(5 + place / 12, place % 12);
    EXPECT_EQ(after.sample_id(5 + place / 8, place % 8), expected);
    EXPECT_EQ(smaller.sample_id(5 + place / 20, place % 20), expected);
  }
}

TEST(SamplePlan, SeedsAndEpochsDiffer) {
  const SamplePlan a(1, 1000, 10), b(2, 1000, 10);
  int same_seed = 0, same_epoch = 0, in_place = 0;
  for (int64_t place = 0; place < 1000; ++place) {
    same_seed += a.permuted(0, place) == b.permuted(0, place);
    same_epoch += a.permuted(0, place) == a.permuted(1, place);
    in_place += a.permuted(0, place) == place;
  }
  // Two random permutations agree in one place on average (Poisson): ten or more has odds of 1e-7.
  EXPECT_LT(same_seed, 10);
  EXPECT_LT(same_epoch, 10);
  EXPECT_LT(in_place, 10);
}

// Over many epochs each sample stands in each place equally often, and each ordered pair of samples
// follows each other equally often.
TEST(SamplePlan, IsUniformOverEpochs) {
  constexpr int64_t kN = 7, kEpochs = 20000;
  const SamplePlan plan(11, kN, 1);
  std::vector<double> places(kN * kN), pairs(kN * kN);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (int64_t place = 0; place < kN; ++place) {
      const int64_t id = plan.permuted(epoch, place);
      places[static_cast<size_t>(id * kN + place)] += 1;
      if (place > 0) pairs[static_cast<size_t>(plan.permuted(epoch, place - 1) * kN + id)] += 1;
    }
  }
  double places_chi2 = 0, pairs_chi2 = 0;
  const double per_place = static_cast<double>(kEpochs) / kN;
  const double per_pair = static_cast<double>(kEpochs) * (kN - 1) / (kN * (kN - 1));
  for (int64_t i = 0; i < kN * kN; ++i) {
    const auto at = static_cast<size_t>(i);
    places_chi2 += (places[at] - per_place) * (places[at] - per_place) / per_place;
    if (i / kN != i % kN) pairs_chi2 += (pairs[at] - per_pair) * (pairs[at] - per_pair) / per_pair;
  }
  EXPECT_LT(places_chi2, 73.4);  // 36 degrees of freedom, odds 1e-4 * 2.5
  EXPECT_LT(pairs_chi2, 84.0);   // about 41 degrees of freedom, odds 1e-4
}

// The order is part of every run's reproducibility: a change of these numbers breaks resuming.
// They agree with a second implementation of Philox and the network, written in Python.
TEST(SamplePlan, KeepsItsNumbers) {
  const SamplePlan plan(1, 60000, 4);
  std::vector<int64_t> ids;
  for (int64_t position = 0; position < 8; ++position) {
    ids.push_back(plan.sample_id(position / 4, position % 4));
  }
  EXPECT_EQ(ids, (std::vector<int64_t>{35995, 35307, 45473, 46496, 55244, 44976, 4140, 45518}));
}

}  // namespace
}  // namespace bbg::data
