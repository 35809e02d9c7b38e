// Cross-replica norm on N ranks against plain batch normalisation of the whole batch on every rank,
// by brute force.
#include "nn/cross_replica_norm.h"

#include <gtest/gtest.h>

#include "comm/make_communicator.h"
#include "ops/cpu_ops.h"

namespace bbg {
namespace {

// float64: only the order of sums differs, so 1e-10 of values of order one leaves room for
// cancellation alone.
constexpr double kTolerance = 1e-10;

void compare_with_whole_batch(const std::vector<int64_t>& shape, double offset) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t n = shape[0], rank = communicator->rank(), size = communicator->size();
  std::vector<int64_t> whole_shape = shape;
  whole_shape[0] = n * size;
  const at::Tensor index = at::arange(c10::multiply_integers(whole_shape), at::kDouble);
  const at::Tensor whole =
      (at::sin(index * 1.7) * 3 + offset).view(whole_shape).set_requires_grad(true);
  const at::Tensor weights = at::cos(index * 0.3).view(whole_shape);

  const at::Tensor expected =
      std::get<0>(at::native_batch_norm(whole, {}, {}, {}, {}, /*training=*/true, 0.1, 1e-5));
  (expected * weights).sum().backward();

  const at::Tensor own = whole.detach().narrow(0, rank * n, n).clone().set_requires_grad(true);
  ops::CpuOps cpu;
  const nn::Normalised result = nn::cross_replica_normalise(own, 1e-5, *communicator, cpu);
  (result.output * weights.narrow(0, rank * n, n)).sum().backward();

  const double scale = 1 + std::abs(offset);  // the mean's own rounding grows with it
  EXPECT_TRUE(at::allclose(result.output, expected.narrow(0, rank * n, n), 0, kTolerance * scale));
  EXPECT_TRUE(at::allclose(own.grad(), whole.grad().narrow(0, rank * n, n), 0, kTolerance * scale));
  EXPECT_EQ(result.count.item<double>(), static_cast<double>(whole.numel() / whole.size(1)));
}

TEST(CrossReplicaNorm, EqualsTheNormOfTheWholeBatch) { compare_with_whole_batch({3, 5, 4, 4}, 0); }
TEST(CrossReplicaNorm, KeepsItsPrecisionFarFromZero) {
  compare_with_whole_batch({3, 5, 4, 4}, 1e4);
}
TEST(CrossReplicaNorm, TakesVectors) { compare_with_whole_batch({6, 8}, 1); }
TEST(CrossReplicaNorm, TakesOneSamplePerRank) { compare_with_whole_batch({1, 3, 2, 2}, 0); }

// Compares the work that follows the normalisation in the same pass with the same after ATen's
// batch norm: output, gradient of x, and gradients of gain and bias. The ranks' shares of the last
// two add up to the batch's.
void compare_what_follows(bool of_samples) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t n = 3, c = 5, rank = communicator->rank(), size = communicator->size();
  const auto wave = [](at::IntArrayRef shape, double frequency) {
    return at::sin(at::arange(c10::multiply_integers(shape), at::kDouble) * frequency).view(shape);
  };
  const at::Tensor whole = wave({n * size, c, 4, 4}, 1.7).set_requires_grad(true);
  const at::Tensor weights = wave(whole.sizes(), 0.3);
  const std::vector<int64_t> rows =
      of_samples ? std::vector<int64_t>{n * size, c} : std::vector<int64_t>{c};
  const at::Tensor gain = wave(rows, 0.9).set_requires_grad(true);
  const at::Tensor bias = wave(rows, 2.3).set_requires_grad(true);
  const auto spread = [&](const at::Tensor& term) {
    return term.view({of_samples ? n * size : 1, c, 1, 1});
  };
  const at::Tensor normed =
      std::get<0>(at::native_batch_norm(whole, {}, {}, {}, {}, /*training=*/true, 0.1, 1e-5));
  const at::Tensor expected = at::relu(normed * spread(gain) + spread(bias));
  (expected * weights).sum().backward();

  const auto slice = [&](const at::Tensor& of_whole) {
    return of_whole.detach().narrow(0, rank * n, n).clone();
  };
  const at::Tensor own = slice(whole).set_requires_grad(true);
  const at::Tensor own_gain =
      (of_samples ? slice(gain) : gain.detach().clone()).set_requires_grad(true);
  const at::Tensor own_bias =
      (of_samples ? slice(bias) : bias.detach().clone()).set_requires_grad(true);
  ops::CpuOps cpu;
  const nn::Normalised result = nn::cross_replica_normalise(
      own, 1e-5, *communicator, cpu, {.gain = own_gain, .bias = own_bias, .relu = true});
  (result.output * slice(weights)).sum().backward();

  EXPECT_TRUE(at::allclose(result.output, slice(expected), 0, kTolerance));
  EXPECT_TRUE(at::allclose(own.grad(), slice(whole.grad()), 0, kTolerance));
  const auto expect_share = [&](const at::Tensor& of_rank, const at::Tensor& of_batch) {
    at::Tensor sum = of_rank.grad().clone();
    if (!of_samples) communicator->all_reduce(sum, comm::Reduce::kSum);
    EXPECT_TRUE(
        at::allclose(sum, of_samples ? slice(of_batch.grad()) : of_batch.grad(), 0, kTolerance));
  };
  expect_share(own_gain, gain);
  expect_share(own_bias, bias);
}

TEST(CrossReplicaNorm, TakesGainBiasAndReluPerChannel) { compare_what_follows(false); }
TEST(CrossReplicaNorm, TakesGainBiasAndReluPerSample) { compare_what_follows(true); }

// In groups of two ranks: the norm of the two ranks' samples; what is left over is a group too.
TEST(CrossReplicaNorm, OfGroupsTakesTheirSamplesAlone) {
  const auto all = comm::make_mpi_communicator({});
  const int group = all->rank() / 2;
  const auto communicator = all->split({.purpose = "norms", .group = group});
  const int64_t n = 3, first = group * 2 * n, count = n * communicator->size();
  const at::Tensor wave =
      at::sin(at::arange(n * all->size() * 5 * 4, at::kDouble) * 1.7).view({-1, 5, 4});
  const at::Tensor of_group = wave.narrow(0, first, count).clone().set_requires_grad(true);
  const at::Tensor expected =
      std::get<0>(at::native_batch_norm(of_group, {}, {}, {}, {}, /*training=*/true, 0.1, 1e-5));
  const at::Tensor weights = at::cos(wave);
  (expected * weights.narrow(0, first, count)).sum().backward();

  const int64_t start = communicator->rank() * n;
  const at::Tensor own = of_group.detach().narrow(0, start, n).clone().set_requires_grad(true);
  ops::CpuOps cpu;
  const nn::Normalised result = nn::cross_replica_normalise(own, 1e-5, *communicator, cpu);
  (result.output * weights.narrow(0, first + start, n)).sum().backward();
  EXPECT_TRUE(at::allclose(result.output, expected.narrow(0, start, n), 0, kTolerance));
  EXPECT_TRUE(at::allclose(own.grad(), of_group.grad().narrow(0, start, n), 0, kTolerance));
  EXPECT_EQ(result.count.item<double>(), static_cast<double>(count * 4));
}

TEST(CrossReplicaNorm, GivesEqualBitsOnAllRanks) {
  const auto communicator = comm::make_mpi_communicator({});
  const at::Tensor x =
      at::sin(at::arange(2 * 3 * 25, at::kFloat) * (1.0 + communicator->rank())).view({2, 3, 5, 5});
  ops::CpuOps cpu;
  const nn::Normalised result = nn::cross_replica_normalise(x, 1e-5, *communicator, cpu);
  const at::Tensor all =
      communicator->all_gather(at::cat({result.mean, result.variance}).unsqueeze(0));
  for (int64_t r = 0; r < communicator->size(); ++r) EXPECT_TRUE(at::equal(all[r], all[0]));
}

}  // namespace
}  // namespace bbg
