// k nearest neighbours against scikit-learn, DINO's rule (tests/golden/make_knn.py) and brute
// force, and on several ranks against one.

#include "eval/knn.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/threads_communicator.h"
#include "unit/eval/labelled_points.h"

namespace bbg::eval {
namespace {

// As make_knn.py draws them.
Points drawn(uint64_t seed, int64_t rows) {
  constexpr double kClasses = 12;
  const at::Tensor x = at::rand({rows, 10}, at::make_generator<at::CPUGeneratorImpl>(seed)) - 0.25;
  const auto bins = [&](int64_t feature) {
    return ((x.select(1, feature) + 0.25) * kClasses).to(at::kLong);
  };
  const at::Tensor labels = at::where(x.select(1, 1) > 0.55, bins(2), bins(0));
  x.select(1, 0) *= 4;
  return {x, labels};
}

LabelledRows rows(const Points& points) { return {points.features, points.labels}; }

std::vector<double> golden(const std::string& wanted) {
  std::ifstream file(std::string(BBG_SOURCE_DIR) + "/tests/golden/knn.txt");
  std::vector<double> values;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    for (double value = 0; name == wanted && words >> value;) values.push_back(value);
  }
  return values;
}

// Calls `check` alone and on two and four ranks, with the communicator and its parts.
void on_ranks(const Points& train, const Points& test,
              const std::function<void(comm::Communicator&, const Points&, const Points&)>& check) {
  comm::SelfCommunicator self;
  check(self, train, test);
  for (const int size : {2, 4}) {
    bbg::testing::run_ranks(size, [&](comm::Communicator& communicator) {
      check(communicator, train.part(communicator, true), test.part(communicator));
    });
  }
}

TEST(Knn, CountsWhatScikitLearnCountsOnAnyNumberOfRanks) {
  const Points train = drawn(1, 700), test = drawn(2, 300);
  for (const auto& [name, distance] :
       {std::pair{"l1", Distance::kL1}, std::pair{"l2", Distance::kL2}}) {
    const std::vector<double> expected = golden(name);
    ASSERT_EQ(expected.size(), 4u);
    on_ranks(train, test,
             [&, distance = distance](comm::Communicator& communicator, const Points& own,
                                      const Points& measured) {
               EXPECT_EQ(knn_accuracies(communicator, rows(own), rows(measured),
                                        {.distance = distance, .tie = Tie::kLowestLabel}),
                         expected);
             });
  }
}

TEST(Knn, WeighsVotesAsDinoDoesOnAnyNumberOfRanks) {
  const std::vector<double> top1 = golden("dino1"), top5 = golden("dino5");
  ASSERT_EQ(top1.size(), 4u);
  on_ranks(drawn(1, 700), drawn(2, 300),
           [&](comm::Communicator& communicator, const Points& own, const Points& measured) {
             const std::vector<TopAccuracy> found =
                 weighted_knn_accuracies(communicator, rows(own), rows(measured), {});
             ASSERT_EQ(found.size(), 4u);
             for (size_t i = 0; i < 4; ++i) {
               EXPECT_EQ(found[i].top1, top1[i]) << i;
               EXPECT_EQ(found[i].top5, top5[i]) << i;
             }
           });
}

at::Tensor all_distances(const at::Tensor& train, const at::Tensor& query, Distance distance) {
  const at::Tensor x = train.to(at::kDouble), y = query.to(at::kDouble);
  if (distance == Distance::kL1) return (x - y).abs().sum(1);
  if (distance == Distance::kL2) return (x - y).square().sum(1);
  return -x.mv(y) / (x.norm(2, {1}) * y.norm());
}

// Over several blocks, with samples that appear twice, far from the origin.
TEST(KnnSearch, FindsTheNearestInTheirOrder) {
  Points train = clouds(1500, 2500, 6, 0.04, 1);
  train.features += 20;
  train.features.narrow(0, 1000, 40).copy_(train.features.narrow(0, 100, 40));
  const Points test{train.features.narrow(0, 95, 20) + 0.01, train.labels.narrow(0, 95, 20)};
  for (const Distance distance : {Distance::kL1, Distance::kL2, Distance::kCosine}) {
    std::vector<std::vector<int64_t>> expected;
    for (int64_t i = 0; i < test.features.size(0); ++i) {
      const at::Tensor order =
          all_distances(train.features, test.features[i], distance).argsort(true, 0);
      expected.emplace_back(order.const_data_ptr<int64_t>(), order.const_data_ptr<int64_t>() + 7);
    }
    bbg::testing::run_ranks(3, [&](comm::Communicator& communicator) {
      const Points own = train.part(communicator, true), measured = test.part(communicator);
      const auto found =
          nearest_neighbours(communicator, own.features, measured.features, 7, distance);
      const int64_t before = measured.features.storage_offset() / test.features.size(1);
      ASSERT_EQ(std::ssize(found), measured.features.size(0));
      for (size_t i = 0; i < found.size(); ++i) {
        std::vector<int64_t> indices;
        for (const Neighbour& neighbour : found[i]) indices.push_back(neighbour.index);
        EXPECT_EQ(indices, expected[static_cast<size_t>(before) + i]);
      }
    });
  }
}

// nearest_neighbours orders samples by their exact distances from the query.
void expect_exact_order(const at::Tensor& train, const at::Tensor& query, Distance distance) {
  comm::SelfCommunicator self;
  const at::Tensor expected = all_distances(train, query, distance).argsort(true, 0);
  const auto found = nearest_neighbours(self, train, query.unsqueeze(0), 5, distance);
  ASSERT_EQ(found.size(), 1u);
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(found[0][static_cast<size_t>(i)].index, expected[i].item<int64_t>()) << i;
  }
}

TEST(KnnSearch, TellsApartWhatFloat32DoesNot) {
  at::Generator random = at::make_generator<at::CPUGeneratorImpl>(uint64_t{1});
  // Two far groups: near one of them float32 rounds squared distances of about 8 by more than 1.
  at::Tensor groups = at::randn({120, 8}, random);
  groups.narrow(0, 0, 60) += 2000;
  groups.narrow(0, 60, 60) -= 2000;
  // Sums of the same terms in another order, which differ by the rounding of the samples alone.
  const at::Tensor query = at::rand({400}, random), terms = at::rand({400}, random);
  std::vector<at::Tensor> reordered;
  for (int i = 0; i < 60; ++i) {
    reordered.push_back(query + terms.index_select(0, at::randperm(400, random, at::kLong)));
  }
  for (int64_t i = 0; i < 20; ++i) {
    expect_exact_order(groups, groups[i * 6] + 0.1, Distance::kL2);
    expect_exact_order(at::stack(reordered), query + 1e-4 * static_cast<double>(i), Distance::kL1);
  }
}

TEST(Knn, GivesEqualVotesToTheNearestOrToTheLowestLabel) {
  const Points train{at::tensor({2.f, 1.f, 4.f, 5.f}).unsqueeze(1),
                     at::tensor({0, 1, 0, 1}, at::kLong)};
  const LabelledRows test{at::zeros({1, 1}), at::ones({1}, at::kLong)};
  comm::SelfCommunicator self;
  const auto accuracy = [&](Tie tie) {
    return knn_accuracies(self, rows(train), test, {.k = {1, 2, 3, 9}, .tie = tie});
  };
  EXPECT_EQ(accuracy(Tie::kNearest), (std::vector<double>{1, 1, 0, 1}));
  EXPECT_EQ(accuracy(Tie::kLowestLabel), (std::vector<double>{1, 0, 0, 0}));
}

TEST(Knn, GivesALabelWithoutVoteNoPlaceAmongFive) {
  comm::SelfCommunicator self;
  const LabelledRows train{at::eye(3), at::tensor({0, 1, 2}, at::kLong)};
  const LabelledRows test{at::eye(3).narrow(0, 0, 1), at::full({1}, 2, at::kLong)};
  const auto found = weighted_knn_accuracies(self, train, test, {.k = {2, 3}});
  EXPECT_EQ(found[0].top5, 0);
  EXPECT_EQ(found[1].top5, 1);
  EXPECT_EQ(found[1].top1, 0);
}

TEST(Knn, IsNotANumberWhenAFeatureIsNotAndRefusesASampleWithoutLabel) {
  comm::SelfCommunicator self;
  Points train = drawn(1, 20), test = drawn(2, 20);
  test.features[3][1] = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(knn_accuracies(self, rows(train), rows(test), {.k = {1}})[0]));
  EXPECT_TRUE(std::isnan(weighted_knn_accuracies(self, rows(train), rows(test), {})[0].top5));
  train.labels[0] = -1;
  EXPECT_THROW(knn_accuracies(self, rows(train), rows(test), {}), core::UsageError);
}

}  // namespace
}  // namespace bbg::eval
