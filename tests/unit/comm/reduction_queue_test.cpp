#include "comm/reduction_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "comm/gradient_exchange.h"
#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/passing_communicator.h"
#include "support/threads_communicator.h"

namespace bbg::comm {
namespace {

using ::testing::ElementsAre;

class OneOfTwo final : public SelfControl {
 public:
  int size() const override { return 2; }
};

// One of two ranks, alone: what it is asked to reduce is handed to `reduce`, on the thread that
// asks.
class Lonely final : public testing::PassingCommunicator {
 public:
  struct Shared {
    std::function<void(at::Tensor&)> reduce = [](at::Tensor&) {};
    std::mutex mutex;
    std::condition_variable changed;
    bool is_interrupted = false;
    SelfCommunicator self;
    OneOfTwo control;
  };
  explicit Lonely(Shared& shared)
      : PassingCommunicator(shared.self, shared.control), shared_(shared) {}

  void all_reduce(at::Tensor& tensor, Reduce) override { shared_.reduce(tensor); }
  std::unique_ptr<Communicator> split(const SplitOptions&) override {
    return std::make_unique<Lonely>(shared_);
  }
  void interrupt() override {
    const std::lock_guard lock(shared_.mutex);
    shared_.is_interrupted = true;
    shared_.changed.notify_all();
  }

 private:
  Shared& shared_;
};

ExchangeOptions of(Exchange exchange, int64_t bytes = 1) {
  return {.exchange = exchange, .bucket_bytes = bytes, .first_bucket_bytes = bytes};
}

// Shares follow from the buckets, so they cannot wait for a measurement; whole there is nothing to
// measure.
TEST(ReductionQueue, SharesNeedBucketsOfKnownSize) {
  Lonely::Shared shared;
  Lonely communicator(shared);
  ExchangeOptions options = of(Exchange::kBuckets, ExchangeOptions::kMeasured);
  options.shard_optimizer = true;
  EXPECT_THROW(ReductionQueue(communicator, options, at::kCPU), core::UsageError);
  options.exchange = Exchange::kWhole;
  ReductionQueue queue(communicator, options, at::kCPU);
  EXPECT_TRUE(queue.scatters());
  const at::Tensor arena = at::arange(queue.unit() * 3, at::kFloat);
  GradientExchange exchange(communicator, queue, arena, {{at::zeros({40}), 0}});
  const std::vector<at::Tensor> own = exchange.own_shards(arena);
  ASSERT_EQ(own.size(), 1u);
  EXPECT_TRUE(at::equal(own[0], arena.narrow(0, 0, arena.numel() / 2)));
}

TEST(ReductionQueue, ReducesInTheOrderGivenBesideTheCaller) {
  Lonely::Shared shared;
  std::vector<int64_t> order;
  std::thread::id worker;
  std::atomic<bool> may_go = false;
  shared.reduce = [&](at::Tensor& tensor) {
    while (!may_go) std::this_thread::yield();
    worker = std::this_thread::get_id();
    order.push_back(tensor.numel());
    tensor.mul_(2);
  };
  Lonely communicator(shared);
  ReductionQueue queue(communicator, of(Exchange::kBackground), at::kCPU);
  EXPECT_TRUE(queue.takes_buckets());
  std::vector<at::Tensor> tensors = {at::ones({3}), at::ones({1}), at::ones({2})};
  for (const at::Tensor& tensor : tensors) queue.push(tensor);  // would hang if it waited
  EXPECT_TRUE(at::equal(tensors[0], at::ones({3})));
  may_go = true;
  queue.wait();
  EXPECT_THAT(order, ElementsAre(3, 1, 2));
  for (const at::Tensor& tensor : tensors) {
    EXPECT_TRUE(at::equal(tensor, at::full_like(tensor, 2)));
  }
  EXPECT_NE(worker, std::this_thread::get_id());
  EXPECT_GT(queue.times().under_way, 0);
}

TEST(ReductionQueue, WaitThrowsWhatAReductionThrew) {
  Lonely::Shared shared;
  int calls = 0;
  shared.reduce = [&](at::Tensor&) {
    ++calls;
    throw std::runtime_error("no network");
  };
  Lonely communicator(shared);
  ReductionQueue queue(communicator, of(Exchange::kBackground), at::kCPU);
  queue.push(at::ones({1}));
  EXPECT_THROW(queue.wait(), std::runtime_error);
  EXPECT_THROW(queue.push(at::ones({1})), std::runtime_error);
  EXPECT_EQ(calls, 1);
}

TEST(ReductionQueue, FailureElsewhereDoesNotWaitForOtherRanks) {
  Lonely::Shared shared;
  // The other rank never comes.
  shared.reduce = [&](at::Tensor&) {
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return shared.is_interrupted; });
    throw std::runtime_error("interrupted");
  };
  Lonely communicator(shared);
  EXPECT_THROW(
      {
        ReductionQueue queue(communicator, of(Exchange::kBackground), at::kCPU);
        queue.push(at::ones({1}));
        throw std::logic_error("this rank has failed");
      },
      std::logic_error);
}

TEST(ReductionQueue, IsForTheCpuInTheBackground) {
  Lonely::Shared shared;
  Lonely communicator(shared);
  EXPECT_THROW(ReductionQueue(communicator, of(Exchange::kBackground), at::Device(at::kCUDA, 0)),
               core::UsageError);
  EXPECT_FALSE(ReductionQueue(communicator, of(Exchange::kAuto), at::kCPU).takes_buckets());
  EXPECT_TRUE(ReductionQueue(communicator, of(Exchange::kBuckets), at::kCPU).takes_buckets());
}

// Three layers in a chain, declared first to last, so that the arena has them last to first.
struct Chain {
  std::vector<at::Tensor> weights;
  at::Tensor gradients = at::zeros({48});
  std::vector<GradientExchange::Place> places;

  Chain() {
    for (int64_t i = 0; i < 3; ++i) {
      at::Tensor weight = at::ones({2, 2}).set_requires_grad(true);
      weights.push_back(weight);
    }
    for (int64_t i = 0; i < 3; ++i) {
      at::Tensor& weight = weights[static_cast<size_t>(2 - i)];
      weight.mutable_grad() = gradients.narrow(0, 16 * i, 4).view({2, 2});
      places.push_back({weight, 16 * i});
    }
  }
  at::Tensor loss() const {
    at::Tensor h = at::ones({1, 2});
    for (const at::Tensor& weight : weights) h = at::mm(h, weight);
    return h.sum();
  }
};

TEST(GradientExchange, SendsABucketWhileBackwardIsAtEarlierLayers) {
  Lonely::Shared shared;
  Chain chain;
  // At each reduction, which layers have their gradients.
  std::vector<std::vector<bool>> there;
  shared.reduce = [&](at::Tensor&) {
    std::vector<bool> now;
    for (const at::Tensor& weight : chain.weights) {
      now.push_back(weight.grad().ne(0).any().item<bool>());
    }
    there.push_back(now);
  };
  Lonely communicator(shared);
  ReductionQueue queue(communicator, of(Exchange::kBuckets), at::kCPU);
  GradientExchange exchange(communicator, queue, chain.gradients, chain.places);
  chain.loss().backward();  // an earlier portion: nothing is sent
  EXPECT_TRUE(there.empty());
  chain.gradients.zero_();
  exchange.begin();
  chain.loss().backward();
  EXPECT_THAT(there, ElementsAre(ElementsAre(false, false, true), ElementsAre(false, true, true),
                                 ElementsAre(true, true, true)));
  exchange.finish();
  EXPECT_EQ(there.size(), 3U);
  chain.loss().backward();  // after finish() too
  EXPECT_EQ(there.size(), 3U);
}

TEST(GradientExchange, RefusesASecondBackwardOfTheLastPortion) {
  Lonely::Shared shared;
  Chain chain;
  Lonely communicator(shared);
  ReductionQueue queue(communicator, of(Exchange::kBuckets), at::kCPU);
  GradientExchange exchange(communicator, queue, chain.gradients, chain.places);
  exchange.begin();
  chain.loss().backward();
  EXPECT_THROW(chain.loss().backward(), core::InternalError);
}

TEST(GradientExchange, LeavesTheParametersToOthersAfterItsEnd) {
  Lonely::Shared shared;
  int calls = 0;
  shared.reduce = [&](at::Tensor&) { ++calls; };
  Chain chain;
  Lonely communicator(shared);
  ReductionQueue queue(communicator, of(Exchange::kBuckets), at::kCPU);
  for (int i = 0; i < 2; ++i) {
    GradientExchange exchange(communicator, queue, chain.gradients, chain.places);
    exchange.begin();
    chain.loss().backward();
    exchange.finish();
  }
  EXPECT_EQ(calls, 6);
  chain.loss().backward();
  EXPECT_EQ(calls, 6);
}

}  // namespace
}  // namespace bbg::comm
