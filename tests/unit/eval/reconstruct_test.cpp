#include "eval/reconstruct.h"

#include <gtest/gtest.h>

#include <cmath>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/threads_communicator.h"
#include "unit/eval/labelled_points.h"

namespace bbg::eval {
namespace {

at::Tensor images() { return clouds(10, 3 * 4 * 4, 1, 0, 1).features.view({10, 3, 4, 4}); }
at::Tensor damage(const at::Tensor& x) { return x * 0.75 + 0.1; }

// Mean L2 norm, pixel by pixel, of x_{i + shift} - damage(x_i).
double brute_force(const at::Tensor& x, int64_t shift) {
  const at::Tensor flat = x.flatten(1), other = damage(x).flatten(1);
  double sum = 0;
  for (int64_t i = 0; i < x.size(0); ++i) {
    double square = 0;
    for (int64_t j = 0; j < flat.size(1); ++j) {
      square +=
          std::pow(flat[(i + shift) % x.size(0)][j].item<double>() - other[i][j].item<double>(), 2);
    }
    sum += std::sqrt(square);
  }
  return sum / static_cast<double>(x.size(0));
}

ReconstructionResult error_of(comm::Communicator& communicator,
                              const std::vector<at::Tensor>& batches,
                              at::Tensor (*made_of)(const at::Tensor&)) {
  ReconstructionSums sums;
  for (const at::Tensor& batch : batches) sums.add(batch, made_of(batch));
  return sums.finish(communicator);
}
at::Tensor same(const at::Tensor& x) { return x; }
at::Tensor zeros(const at::Tensor& x) { return at::zeros_like(x); }

TEST(ReconstructionError, AgreesWithBruteForceOnAnyBatchesAndRanks) {
  const at::Tensor x = images();
  const double error = brute_force(x, 0), random = brute_force(x, 1);
  for (const int size : {1, 2, 3}) {
    for (const int64_t batch : {1, 2, 10}) {
      bbg::testing::run_ranks(size, [&](comm::Communicator& communicator) {
        const int64_t first = 10 * communicator.rank() / size;
        const at::Tensor own = x.slice(0, first, 10 * (communicator.rank() + 1) / size);
        const ReconstructionResult result = error_of(communicator, own.split(batch), damage);
        // Images are float32; the sums are float64.
        EXPECT_NEAR(result.error, error, 1e-6 * error);
        EXPECT_NEAR(result.error_random, random, 1e-6 * random);
        EXPECT_DOUBLE_EQ(result.ratio, result.error / result.error_random);
      });
    }
  }
}

TEST(ReconstructionError, IsZeroForTheIdentity) {
  comm::SelfCommunicator self;
  const ReconstructionResult result = error_of(self, {images()}, same);
  EXPECT_EQ(result.error, 0);
  EXPECT_GT(result.error_random, 0);
  EXPECT_EQ(result.ratio, 0);
}

TEST(ReconstructionError, HasRatioOneForOneReconstructionOfAll) {
  comm::SelfCommunicator self;
  const ReconstructionResult result = error_of(self, {images()}, zeros);
  EXPECT_NEAR(result.ratio, 1, 1e-12);
}

TEST(ReconstructionError, RefusesARankWithoutImages) {
  bbg::testing::run_ranks(2, [](comm::Communicator& communicator) {
    const std::vector<at::Tensor> batches =
        communicator.rank() == 0 ? std::vector<at::Tensor>{images()} : std::vector<at::Tensor>{};
    EXPECT_THROW(error_of(communicator, batches, damage), core::InternalError);
  });
}

TEST(ReconstructionError, RefusesAReconstructionOfAnotherShape) {
  ReconstructionSums sums;
  EXPECT_THROW(sums.add(images(), images().narrow(1, 0, 1)), core::InternalError);
}

}  // namespace
}  // namespace bbg::eval
