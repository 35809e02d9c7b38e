// The exchange leaves the mean over ranks, in buckets of any size, by the computing thread or
// beside it; with integers exactly.
#include "comm/gradient_exchange.h"

#include <gtest/gtest.h>

#include <cmath>

#include "comm/make_communicator.h"
#include "core/error.h"
#include "train/arena.h"

namespace bbg {
namespace {

using Ways = std::tuple<comm::Exchange, int64_t, comm::Wire>;  // exchange, bucket bytes, wire

// Odd sizes, so that views have gaps between them.
std::vector<nn::NamedTensor> parameters(at::ScalarType type) {
  std::vector<nn::NamedTensor> all;
  const std::vector<std::vector<int64_t>> shapes = {{3, 5}, {1},    {17, 1, 3, 3},
                                                    {257},  {2, 2}, {16}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    all.push_back({"p" + std::to_string(i), at::ones(shapes[i], type).set_requires_grad(true)});
  }
  return all;
}

// The gradient that `rank` leaves for parameter `i` in portion `portion`.
at::Tensor integers(const at::Tensor& like, int64_t i, int64_t rank, int64_t portion) {
  return (at::arange(like.numel(), at::kLong) * (i + 3) + rank * 5 + portion * 7)
      .remainder(11)
      .sub(4)
      .to(like.scalar_type())
      .view(like.sizes());
}
at::Tensor waves(const at::Tensor& like, int64_t i, int64_t rank, int64_t portion) {
  return at::sin(at::arange(like.numel(), at::kDouble) * (0.3 + 0.1 * static_cast<double>(i)) +
                 static_cast<double>(rank * 5 + portion * 7))
      .to(like.scalar_type())
      .view(like.sizes());
}

double sum_of_squares(const at::Tensor& values) {
  return values.to(at::kDouble).square().sum().item<double>();
}

struct Network {
  std::vector<nn::NamedTensor> declared;
  train::Arena arena;
  comm::GradientExchange exchange;

  Network(comm::Communicator& communicator, comm::ReductionQueue& queue, at::ScalarType type)
      : declared(parameters(type)),
        arena(declared, /*has_gradients=*/true, queue.unit()),
        exchange(communicator, queue, arena.gradients(), arena.places()) {}

  template <class Gradient>
  void backward(int64_t rank, int64_t portion, Gradient gradient, bool but_last = false) {
    at::Tensor total;
    for (size_t i = 0; i + (but_last ? 1 : 0) < declared.size(); ++i) {
      const at::Tensor term =
          (declared[i].tensor * gradient(declared[i].tensor, i, rank, portion)).sum();
      total = total.defined() ? total + term : term;
    }
    total.backward();
  }
};

std::string name(const Ways& ways) {
  constexpr const char *kExchanges[] = {"auto", "whole", "buckets", "background"},
                       *kWires[] = {"full", "bfloat16"};
  const auto& [exchange, bytes, wire] = ways;
  return std::string(kExchanges[static_cast<size_t>(exchange)]) + "OfBytes" +
         std::to_string(bytes) + kWires[static_cast<size_t>(wire)];
}

class GradientExchange : public ::testing::TestWithParam<Ways> {
 protected:
  comm::ExchangeOptions options() const {
    const auto& [exchange, bytes, wire] = GetParam();
    return {.exchange = exchange, .bucket_bytes = bytes, .first_bucket_bytes = bytes, .wire = wire};
  }
  std::unique_ptr<comm::Communicator> communicator_ = comm::make_mpi_communicator({});
};

TEST_P(GradientExchange, LeavesTheMeanOfIntegersExactly) {
  comm::ReductionQueue queue(*communicator_, options(), at::kCPU);
  const int64_t size = communicator_->size();
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    Network first(*communicator_, queue, type), second(*communicator_, queue, type);
    for (int update = 0; update < 3; ++update) {
      for (Network* network : {&first, &second}) network->arena.zero_gradients();
      // A multiple of the number of ranks, so that the mean is whole; sums stay below 256, which
      // bfloat16 holds.
      const auto gradient = [&](const at::Tensor& like, int64_t i, int64_t rank, int64_t portion) {
        const at::Tensor drawn = integers(like, i, rank, portion + update);
        return size < 4 ? drawn * size : drawn.sign() * size;
      };
      for (int64_t portion = 0; portion < 2; ++portion) {
        for (Network* network : {&first, &second}) {
          if (portion == 1) network->exchange.begin();
          network->backward(communicator_->rank(), portion, gradient);
        }
      }
      for (Network* network : {&first, &second}) {
        network->exchange.finish();
        for (size_t i = 0; i < network->declared.size(); ++i) {
          const at::Tensor& parameter = network->declared[i].tensor;
          at::Tensor expected = at::zeros_like(parameter, at::TensorOptions().requires_grad(false));
          for (int64_t rank = 0; rank < size; ++rank) {
            for (int64_t portion = 0; portion < 2; ++portion) {
              expected += gradient(parameter, static_cast<int64_t>(i), rank, portion);
            }
          }
          EXPECT_TRUE(at::equal(parameter.grad(), expected / size)) << network->declared[i].name;
        }
      }
    }
  }
}

TEST_P(GradientExchange, LeavesTheMeanOfFractions) {
  comm::ReductionQueue queue(*communicator_, options(), at::kCPU);
  const int64_t size = communicator_->size();
  Network network(*communicator_, queue, at::kDouble);
  network.arena.zero_gradients();
  network.exchange.begin();
  network.backward(communicator_->rank(), 0, waves);
  network.exchange.finish();
  // bfloat16 rounds to 2^-9 of a number: each of the values, at most 1; each partial sum, at most
  // 1, 2, ... size, divided by size at the end; and the mean.
  const double tolerance = options().wire == comm::Wire::kBfloat16 && size > 1
                               ? std::ldexp(2 + static_cast<double>(size + 1) / 2, -9)
                               : 1e-12;
  for (size_t i = 0; i < network.declared.size(); ++i) {
    const at::Tensor& parameter = network.declared[i].tensor;
    at::Tensor expected = at::zeros_like(parameter, at::TensorOptions().requires_grad(false));
    for (int64_t rank = 0; rank < size; ++rank) {
      expected += waves(parameter, static_cast<int64_t>(i), rank, 0);
    }
    EXPECT_LE((parameter.grad() - expected / size).abs().max().item<double>(), tolerance);
  }
  // Equal bits on all ranks.
  const at::Tensor all = communicator_->all_gather(network.arena.gradients().unsqueeze(0));
  for (int64_t rank = 0; rank < size; ++rank) EXPECT_TRUE(at::equal(all[rank], all[0]));
}

TEST_P(GradientExchange, SendsWhatBackwardDidNotReach) {
  comm::ReductionQueue queue(*communicator_, options(), at::kCPU);
  Network network(*communicator_, queue, at::kFloat);
  network.arena.gradients().fill_(communicator_->rank() * 2);
  network.exchange.begin();
  network.backward(
      communicator_->rank(), 0,
      [](const at::Tensor& like, int64_t, int64_t, int64_t) { return at::zeros_like(like); },
      /*but_last=*/true);
  network.exchange.finish();
  const auto mean = static_cast<double>(communicator_->size() - 1);
  EXPECT_TRUE(at::equal(network.arena.gradients(), at::full_like(network.arena.gradients(), mean)));
}

// Each rank has the mean of what it owns; together they own everything once.
TEST_P(GradientExchange, SharedOutLeavesTheMeanInPartsThatMakeTheWhole) {
  comm::ExchangeOptions shared = options();
  shared.shard_optimizer = true;
  comm::ReductionQueue queue(*communicator_, shared, at::kCPU);
  comm::ReductionQueue plain_queue(*communicator_, options(), at::kCPU);
  const int64_t size = communicator_->size();
  EXPECT_EQ(queue.scatters(), size > 1);
  Network network(*communicator_, queue, at::kFloat),
      plain(*communicator_, plain_queue, at::kFloat);
  const auto gradient = [&](const at::Tensor& like, int64_t i, int64_t rank, int64_t portion) {
    return integers(like, i, rank, portion).sign() * size;
  };
  for (int64_t update = 0; update < 3; ++update) {
    for (Network* one : {&network, &plain}) {
      one->arena.zero_gradients();
      one->exchange.begin();
      one->backward(communicator_->rank(), update, gradient);
      one->exchange.finish();
    }
    // Whole numbers, and sums of squares below 2^24: exact but for the root, which is the
    // nearest number, whatever the processor.
    const double squares = sum_of_squares(plain.arena.gradients());
    EXPECT_EQ(network.exchange.norm().item<float>(), static_cast<float>(std::sqrt(squares)));
    // libtorch's own root: as near as its vector library comes.
    EXPECT_FLOAT_EQ(plain.exchange.norm().item<float>(), static_cast<float>(std::sqrt(squares)));
    network.exchange.all_gather_parameters(network.arena.gradients());
    for (size_t i = 0; i < network.declared.size(); ++i) {
      EXPECT_TRUE(at::equal(network.declared[i].tensor.grad(), plain.declared[i].tensor.grad()))
          << network.declared[i].name;
    }
  }
  at::Tensor owners = network.arena.like();
  int64_t length = 0;
  for (at::Tensor part : network.exchange.own_shards(owners)) {
    part.add_(1);
    length += part.numel();
  }
  EXPECT_EQ(length * size, owners.numel());
  communicator_->all_reduce(owners, comm::Reduce::kSum);
  EXPECT_TRUE(at::equal(owners, at::ones_like(owners)));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, GradientExchange,
    ::testing::Combine(::testing::Values(comm::Exchange::kWhole, comm::Exchange::kBuckets,
                                         comm::Exchange::kBackground),
                       ::testing::Values(int64_t{1}, int64_t{700}, int64_t{1} << 30),
                       ::testing::Values(comm::Wire::kFull, comm::Wire::kBfloat16)),
    [](const auto& info) { return name(info.param); });

TEST(Buckets, AreChosenEqualOnAllRanks) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t bytes = comm::choose_bucket_bytes(*communicator, at::kCPU);
  EXPECT_GE(bytes, int64_t{1} << 20);
  EXPECT_LE(bytes, int64_t{64} << 20);
  EXPECT_EQ(bytes & (bytes - 1), 0);
  const at::Tensor all = communicator->all_gather(at::tensor({bytes}, at::kLong));
  EXPECT_TRUE((all == bytes).all().item<bool>());
}

}  // namespace
}  // namespace bbg
