#include "eval/neighbours.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/memory_meter.h"
#include "support/threads_communicator.h"
#include "unit/eval/labelled_points.h"

namespace bbg::eval {
namespace {

// Sorts all distances of every query.
double brute_force(const Points& train, const Points& test, int64_t k) {
  const at::Tensor x = train.features.to(at::kDouble), y = test.features.to(at::kDouble);
  int64_t correct = 0;
  for (int64_t query = 0; query < y.size(0); ++query) {
    const at::Tensor distances = (x - y[query]).square().sum(1);
    std::vector<std::pair<double, int64_t>> order;
    for (int64_t i = 0; i < x.size(0); ++i) order.emplace_back(distances[i].item<double>(), i);
    std::sort(order.begin(), order.end());
    std::map<int64_t, int64_t> votes;
    int64_t most = 0, winner = -1;
    for (int64_t i = 0; i < k; ++i) {
      most = std::max(most, ++votes[train.labels[order[i].second].item<int64_t>()]);
    }
    for (int64_t i = k - 1; i >= 0; --i) {
      const int64_t label = train.labels[order[i].second].item<int64_t>();
      if (votes[label] == most) winner = label;
    }
    correct += winner == test.labels[query].item<int64_t>() ? 1 : 0;
  }
  return static_cast<double>(correct) / static_cast<double>(y.size(0));
}

double alone(const Points& train, const Points& test, int64_t k = 1) {
  comm::SelfCommunicator self;
  return nearest_neighbour_accuracy(self, train.features, train.labels, test.features, test.labels,
                                    k);
}

TEST(NearestNeighbour, AgreesWithBruteForceOnAnyNumberOfRanks) {
  // More queries than a block holds; hard enough that half are wrong.
  const Points train = clouds(200, 8, 6, 0.5, 1), test = clouds(300, 8, 6, 0.5, 2);
  for (const int64_t k : {1, 2, 5}) {
    const double expected = brute_force(train, test, k);
    EXPECT_GT(expected, 0.2);
    EXPECT_LT(expected, 0.9);
    EXPECT_EQ(alone(train, test, k), expected);
    for (const int size : {2, 3}) {
      bbg::testing::run_ranks(size, [&](comm::Communicator& communicator) {
        const Points own = train.part(communicator, true), measured = test.part(communicator);
        EXPECT_EQ(nearest_neighbour_accuracy(communicator, own.features, own.labels,
                                             measured.features, measured.labels, k),
                  expected);
      });
    }
  }
}

// 24 MB on one rank are two blocks; on three, of which the first has none, two of unequal length.
TEST(NearestNeighbour, AgreesWithBruteForceOverSeveralBlocks) {
  const Points train = clouds(1500, 4096, 6, 0.04, 1), test = clouds(30, 4096, 6, 0.04, 2);
  const double expected = brute_force(train, test, 3);
  EXPECT_GT(expected, 0.2);
  EXPECT_LT(expected, 0.9);
  EXPECT_EQ(alone(train, test, 3), expected);
  bbg::testing::run_ranks(3, [&](comm::Communicator& communicator) {
    const Points own = train.part(communicator, true), measured = test.part(communicator);
    std::vector<int64_t> passes;
    EXPECT_EQ(
        nearest_neighbour_accuracy(communicator, own.features, own.labels, measured.features,
                                   measured.labels, 3, [&](int64_t all) { passes.push_back(all); }),
        expected);
    // On every rank, the one without images too.
    EXPECT_EQ(passes, std::vector<int64_t>(2, 2));
  });
}

// The whole training split are 197 MB. A rank holds a block of 16 MB, the same centred, and as much
// of pairs in float64: 101 MB at most were seen.
TEST(NearestNeighbour, NoRankGathersTheTrainingSplit) {
  const Points train = clouds(12000, 4096, 6, 0.04, 1), test = clouds(30, 4096, 6, 0.04, 2);
  const int64_t whole = train.features.nbytes();
  bbg::testing::run_ranks(3, [&](comm::Communicator& communicator) {
    const Points own = train.part(communicator), measured = test.part(communicator);
    const bbg::testing::MemoryMeter meter;
    nearest_neighbour_accuracy(communicator, own.features, own.labels, measured.features,
                               measured.labels);
    EXPECT_LT(meter.peak(), whole);
  });
}

TEST(NearestNeighbour, FindsEverySampleOfTheTrainingSplit) {
  const Points train = clouds(300, 5, 7, 0, 1);
  EXPECT_EQ(alone(train, train), 1);
}

TEST(NearestNeighbour, TellsNeighboursApartFarFromTheOrigin) {
  // |x|^2 - 2 x.y in float32 alone would lose all of a distance of 1 here: 1e8 * 2^-24 = 6.
  Points train = clouds(200, 8, 6, 0.5, 1), test = clouds(100, 8, 6, 0.5, 2);
  train.features += 4096;
  test.features += 4096;
  EXPECT_EQ(alone(train, test), brute_force(train, test, 1));
}

TEST(NearestNeighbour, BreaksExactTiesByTheLowestIndex) {
  // Each point eleven times, under eleven labels: always the first must win.
  const Points base = clouds(40, 16, 3, 1, 1);
  const at::Tensor features = base.features.repeat({11, 1});
  const at::Tensor labels = at::arange(11, at::kLong).repeat_interleave(40);
  const Points train{features, labels}, test{base.features, at::zeros({40}, at::kLong)};
  EXPECT_EQ(alone(train, test), 1);
  bbg::testing::run_ranks(3, [&](comm::Communicator& communicator) {
    const Points own = train.part(communicator), measured = test.part(communicator);
    EXPECT_EQ(nearest_neighbour_accuracy(communicator, own.features, own.labels, measured.features,
                                         measured.labels),
              1);
  });
}

TEST(NearestNeighbour, TakesTheFirstSampleWhenAllFeaturesAreEqual) {
  const at::Tensor same = at::full({500, 4}, 3.25f);
  const at::Tensor labels = at::cat({at::zeros({1}, at::kLong), at::ones({499}, at::kLong)});
  EXPECT_EQ(alone({same, labels}, {same.narrow(0, 0, 10), labels.narrow(0, 0, 10)}), 0.1);
}

TEST(NearestNeighbour, TakesAllWhenMoreNeighboursAreAskedForThanThereAre) {
  const at::Tensor features = at::tensor({0.f, 1.f, 2.f}).unsqueeze(1);
  const at::Tensor labels = at::tensor({0, 1, 1}, at::kLong);
  EXPECT_EQ(alone({features, labels}, {features, at::ones({3}, at::kLong)}, 50), 1);
}

TEST(NearestNeighbour, IsNotANumberWhenAFeatureIsNot) {
  const Points train = clouds(20, 3, 2, 1, 1), test = clouds(20, 3, 2, 1, 2);
  test.features[3][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(alone(train, test)));
}

TEST(NearestNeighbour, RefusesASampleWithoutLabel) {
  const Points train = clouds(20, 3, 2, 1, 1), test = clouds(20, 3, 2, 1, 2);
  train.labels[0] = -1;
  EXPECT_THROW(alone(train, test), core::UsageError);
}

}  // namespace
}  // namespace bbg::eval
