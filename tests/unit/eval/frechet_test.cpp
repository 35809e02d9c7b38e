#include "eval/frechet.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/threads_communicator.h"

namespace bbg::eval {
namespace {

at::Tensor noise(std::initializer_list<int64_t> shape, uint64_t seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::kDouble);
}

Gaussian alone(const at::Tensor& features) {
  comm::SelfCommunicator self;
  return fit_gaussian(self, features);
}

TEST(FrechetDistance, OfDiagonalNormalsIsTheSumOfTheirSquaredDifferences) {
  const at::Tensor m1 = noise({5}, 1), m2 = noise({5}, 2);
  const at::Tensor s1 = noise({5}, 3).abs(), s2 = noise({5}, 4).abs();
  const double expected = ((m1 - m2).square() + (s1 - s2).square()).sum().item<double>();
  // Eigenvalues of order 1 in float64.
  EXPECT_NEAR(frechet_distance({m1, at::diag(s1.square())}, {m2, at::diag(s2.square())}), expected,
              1e-12);
}

TEST(FrechetDistance, AgreesWithTheRootOfTheProductByItsDefinition) {
  // tr (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of the product, which is not
  // symmetric.
  const Gaussian a = alone(noise({50, 6}, 1)), b = alone(noise({40, 6}, 2) * 2 + 1);
  const at::Tensor eigenvalues = at::linalg_eigvals(a.covariance.matmul(b.covariance));
  const double root = at::real(eigenvalues).sqrt().sum().item<double>();
  const double expected = (a.mean - b.mean).square().sum().item<double>() +
                          a.covariance.trace().item<double>() +
                          b.covariance.trace().item<double>() - 2 * root;
  EXPECT_NEAR(frechet_distance(a, b), expected, 1e-10);  // eigenvalues up to 10 in float64
  EXPECT_NEAR(frechet_distance(b, a), expected, 1e-10);
  EXPECT_NEAR(frechet_distance(a, a), 0, 1e-10);
}

TEST(FrechetDistance, OfAPairOfImageSetsIsTheReferencesFid) {
  const char* data = std::getenv("BBG_TEST_DATA");
  const std::string path =
      (data == nullptr ? "" : std::string(data)) + "/inception-golden/a_feat_pt_32x2048_f32.bin";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "BBG_TEST_DATA names no folder with inception-golden";
  }
  at::Tensor features = at::empty({32, 2048});
  std::ifstream(path, std::ios::binary)
      .read(static_cast<char*>(features.data_ptr()), features.numel() * 4);
  // golden.json there, fid_a0-15_vs_a16-31: covariances of rank 15, the trace by singular values.
  // Some 2,000 eigenvalues that should be 0 are about 1e-14, and their roots add up.
  EXPECT_NEAR(frechet_distance(alone(features.slice(0, 0, 16)), alone(features.slice(0, 16, 32))),
              332.46943003922286, 1e-3);
}

TEST(FrechetDistance, FitIsTheSameOnAnyNumberOfRanks) {
  const at::Tensor features = noise({11, 4}, 1) + 1000;  // far from 0: squares would cancel
  const at::Tensor centred = features - features.mean(0);
  const at::Tensor expected = centred.t().matmul(centred) / 10;
  for (const int ranks : {1, 3, 4}) {
    bbg::testing::run_ranks(ranks, [&](comm::Communicator& communicator) {
      // Rank 1 has none.
      const int64_t parts = std::max(1, ranks - 1),
                    part = communicator.rank() - (communicator.rank() > 1);
      const at::Tensor own = communicator.rank() == 1
                                 ? features.narrow(0, 0, 0)
                                 : features.slice(0, 11 * part / parts, 11 * (part + 1) / parts);
      const Gaussian gaussian = fit_gaussian(communicator, own);
      EXPECT_TRUE(at::allclose(gaussian.mean, features.mean(0), 1e-14, 0));
      EXPECT_TRUE(at::allclose(gaussian.covariance, expected, 1e-11, 1e-11));  // sums of 1,000s
    });
  }
}

TEST(FrechetDistance, RefusesLessThanTwoImagesAndMarksWhatIsNotFinite) {
  EXPECT_THROW(alone(noise({1, 3}, 1)), core::UsageError);
  const Gaussian a = alone(noise({9, 3}, 1));
  Gaussian b = alone(noise({9, 3}, 2));
  b.mean[1] = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(frechet_distance(a, b)));
}

}  // namespace
}  // namespace bbg::eval
