// The measures of samples against what torch-fidelity, prdc and NumPy say of the same features
// (tests/golden/make_generation_metrics.py), and on several ranks against one.

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "comm/self_communicator.h"
#include "eval/frechet.h"
#include "eval/frechet_infinity.h"
#include "eval/gaussian_sums.h"
#include "eval/inception_score.h"
#include "eval/kernel_distance.h"
#include "eval/manifold.h"
#include "eval/random_state.h"
#include "eval/sliced_distance.h"
#include "support/threads_communicator.h"

namespace bbg::eval {
namespace {

at::Tensor normal(uint64_t seed, int64_t rows, int64_t columns) {
  return at::randn({rows, columns}, at::make_generator<at::CPUGeneratorImpl>(seed), at::kDouble);
}
at::Tensor all_samples() { return normal(1, 300, 24); }
at::Tensor all_real() { return normal(2, 410, 24) * 1.1 + 0.2; }
at::Tensor all_logits() { return normal(3, 307, 10) * 2; }

std::vector<double> expected(const std::string& key) {
  static const auto values = [] {
    std::map<std::string, std::vector<double>> read;
    std::ifstream file(std::string(BBG_SOURCE_DIR) + "/tests/golden/generation_metrics.txt");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string name;
      words >> name;
      for (double value; words >> value;) read[name].push_back(value);
    }
    return read;
  }();
  return values.at(key);
}

// A rank's part: uneven, and of three ranks the second has nothing.
SharedRows part_of(comm::Communicator& ranks, const at::Tensor& all) {
  if (ranks.size() == 1) return {ranks, all};
  const int64_t n = all.size(0), cut = n / 3;
  const bool is_first = ranks.rank() == 0, is_last = ranks.rank() == ranks.size() - 1;
  return {ranks, is_first ? all.narrow(0, 0, cut) : all.narrow(0, cut, is_last ? n - cut : 0)};
}

// Float64 throughout, thousands of terms of order 1: 1e-12; on several ranks sums have another
// order.
constexpr double kRounding = 1e-10;

void expect_all(const std::vector<double>& found, const std::string& key,
                double tolerance = kRounding) {
  const std::vector<double> wanted = expected(key);
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(found[i], wanted[i], tolerance * std::max(1.0, std::abs(wanted[i]))) << key;
  }
}

TEST(RandomState, DrawsAsNumPysDoes) {
  RandomState random(2020);
  const std::vector<int64_t> permutation = random.permutation(20), choice = random.choice(1000, 5);
  expect_all({permutation.begin(), permutation.end()}, "permutation", 0);
  expect_all({choice.begin(), choice.end()}, "choice", 0);
}

class OnRanks : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(GenerationMetrics, OnRanks, ::testing::Values(1, 2, 3));

TEST_P(OnRanks, AreThoseOfTheFieldsPrograms) {
  testing::run_ranks(GetParam(), [](comm::Communicator& ranks) {
    const SharedRows samples = part_of(ranks, all_samples()), real = part_of(ranks, all_real());
    for (const int64_t splits : {1, 10}) {
      const InceptionScore score = inception_score(part_of(ranks, all_logits()), splits);
      expect_all({score.mean, score.deviation}, "inception_score_" + std::to_string(splits));
    }
    const KernelDistance kernel =
        kernel_distance(samples, real, {.subsets = 7, .subset_size = 100});
    expect_all({kernel.mean, kernel.deviation}, "kernel");
    const std::vector<Manifold> found =
        manifolds(samples, real, {{.k = 3, .is_edge_inside = true}, {.k = 5}});
    // torch-fidelity takes means in float32.
    expect_all({found[0].precision, found[0].recall}, "manifold_3", 1e-7);
    expect_all({found[1].precision, found[1].recall, found[1].density, found[1].coverage},
               "manifold_5");
  });
}

TEST_P(OnRanks, FrechetDistanceOfStreamedFeaturesIsTorchFidelitys) {
  testing::run_ranks(GetParam(), [](comm::Communicator& ranks) {
    const auto gaussian = [&](const at::Tensor& all) {
      const SharedRows rows = part_of(ranks, all);
      GaussianSums sums(rows.width(), rows.own().options());
      for (const at::Tensor& batch : rows.own().split(37)) {
        if (batch.size(0) > 0) sums.add(batch);
      }
      return sums.finish(ranks);
    };
    const Gaussian samples = gaussian(all_samples()), real = gaussian(all_real());
    expect_all({frechet_distance(samples, real)}, "frechet");
    // Far from the origin nothing cancels.
    const Gaussian moved = gaussian(all_samples() + 1e6);
    EXPECT_LT((moved.covariance - samples.covariance).abs().max().item<double>(), 1e-9);
  });
}

TEST_P(OnRanks, SlicedDistanceIsTorchFidelitys) {
  testing::run_ranks(GetParam(), [](comm::Communicator& ranks) {
    // Projections in float32, whose rounding the squares of small differences feel.
    expect_all({sliced_distance(part_of(ranks, all_samples().to(at::kFloat)),
                                part_of(ranks, all_real().to(at::kFloat)))},
               "mind", 1e-5);
  });
}

TEST_P(OnRanks, DistanceOfInfinitelyManySamplesLiesOnTheLineThroughThoseOfSubsets) {
  testing::run_ranks(GetParam(), [](comm::Communicator& ranks) {
    const FrechetDistance distance(fit_gaussian(ranks, part_of(ranks, all_real()).own()));
    // The reference takes roots of eigenvalues of a product that is not symmetric; of 30 samples in
    // 24 dimensions some are near 0.
    expect_all({frechet_infinity(distance, part_of(ranks, all_samples()))}, "infinity", 1e-8);
  });
}

TEST(SharedRows, AreGatheredAndVisitedByTheirNumberOverAllRanks) {
  const at::Tensor all = normal(5, 31, 3);
  testing::run_ranks(3, [&](comm::Communicator& ranks) {
    const SharedRows rows = part_of(ranks, all);
    EXPECT_EQ(rows.count(), 31);
    EXPECT_TRUE(rows.gather({30, 0, 7, 30})
                    .equal(all.index_select(0, at::tensor({30, 0, 7, 30}, at::kLong))));
    std::vector<at::Tensor> visited;
    rows.visit_blocks([&](const at::Tensor& block, int64_t first) {
      EXPECT_TRUE(block.equal(all.narrow(0, first, block.size(0))));
      visited.push_back(block.clone());
    });
    EXPECT_TRUE(at::cat(visited).equal(all));
  });
}

}  // namespace
}  // namespace bbg::eval
