#include "comm/reduction_queue.h"

#include <ATen/ThreadLocalState.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/error.h"

namespace bbg::comm {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

// On the CPU, beside the caller.
struct ReductionQueue::Worker {
  struct Item {
    at::Tensor tensor;
    at::ThreadLocalState state;  // the giver's: a profiler that records it records this too
  };

  const ReductionQueue& queue;
  std::unique_ptr<Communicator> communicator;

  std::mutex mutex;
  std::condition_variable changed;
  // Under the mutex:
  std::deque<Item> items;  // the first is under way
  std::exception_ptr failure;
  bool is_stopping = false;
  Times times;

  std::thread thread;

  Worker(const ReductionQueue& owner, std::unique_ptr<Communicator> own)
      : queue(owner), communicator(std::move(own)), thread([this] { work(); }) {}

  ~Worker() {
    {
      const std::lock_guard lock(mutex);
      is_stopping = true;
    }
    changed.notify_all();
    thread.join();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return is_stopping || !items.empty(); });
      if (items.empty()) return;
      const Item item = items.front();
      const bool has_failed = failure != nullptr;
      lock.unlock();
      const Clock::time_point start = Clock::now();
      std::exception_ptr error;
      if (!has_failed) {
        try {
          const at::ThreadLocalStateGuard as_giver(item.state);
          queue.reduce(*communicator, item.tensor);
        } catch (...) {
          error = std::current_exception();  // rethrown by push() and wait()
        }
      }
      lock.lock();
      if (error) failure = error;
      times.under_way += seconds_since(start);
      items.pop_front();
      changed.notify_all();
    }
  }

  void push(const at::Tensor& tensor) {
    {
      const std::lock_guard lock(mutex);
      if (failure) std::rethrow_exception(failure);
      items.push_back({tensor, at::ThreadLocalState()});
    }
    changed.notify_all();
  }

  void wait() {
    const Clock::time_point start = Clock::now();
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return items.empty(); });
    times.waited += seconds_since(start);
    if (failure) std::rethrow_exception(failure);
  }
};

// On a GPU, beside the caller's stream.
struct ReductionQueue::Stream {
  at::Device device;
  c10::impl::VirtualGuardImpl streams;
  c10::Stream side;
  std::unique_ptr<Communicator> communicator;

  Stream(at::Device on, std::unique_ptr<Communicator> own)
      : device(on),
        streams(on.type()),
        side(streams.getStreamFromGlobalPool(on, /*isHighPriority=*/true)),
        communicator(std::move(own)) {}

  // Work enqueued on `second` from here on waits for that which `first` has now.
  void order(const c10::Stream& first, const c10::Stream& second) const {
    c10::Event event(device.type());
    event.record(first);
    event.block(second);
  }
};

ReductionQueue::ReductionQueue(Communicator& communicator, const ExchangeOptions& options,
                               at::Device device)
    : communicator_(communicator),
      bucket_bytes_(options.bucket_bytes),
      first_bucket_bytes_(options.first_bucket_bytes),
      halves_wire_(options.wire == Wire::kBfloat16),
      has_window_(options.nccl_window) {
  if (bucket_bytes_ == 0) bucket_bytes_ = int64_t{device.is_cuda() ? 25 : 1} << 20;
  Exchange exchange = options.exchange;
  if (exchange == Exchange::kAuto) {
    exchange = device.is_cuda() ? Exchange::kBuckets : Exchange::kWhole;
  }
  if (exchange == Exchange::kBackground && !device.is_cpu()) {
    throw core::UsageError("comm.exchange = background is for the CPU, not for " + device.str(),
                           "set comm.exchange = buckets: a GPU has a stream for it");
  }
  const bool is_alone = communicator.size() == 1;
  takes_buckets_ = exchange != Exchange::kWhole && !is_alone;
  scatters_ = options.shard_optimizer && !is_alone;
  if (scatters_ && takes_buckets_ && bucket_bytes_ == ExchangeOptions::kMeasured) {
    throw core::UsageError(
        "comm.shard-optimizer = true cannot go with comm.bucket-bytes = -1: the shares of the "
        "ranks follow from the buckets, before anything is measured",
        "set comm.bucket-bytes to 0 or to a number");
  }
  if (exchange == Exchange::kBackground && !is_alone) {
    worker_ = std::make_unique<Worker>(
        *this, communicator.split({.purpose = "gradients", .is_beside = true}));
  } else if (takes_buckets_ && device.is_cuda()) {
    stream_ = std::make_unique<Stream>(
        device, communicator.split({.purpose = "gradients", .is_beside = true}));
  }
}

ReductionQueue::~ReductionQueue() {
  if (worker_ && unwinding_.is_under_way()) worker_->communicator->interrupt();
}

void ReductionQueue::reduce(Communicator& communicator, at::Tensor tensor) const {
  const at::NoGradGuard no_grad;
  const bool is_halved = halves_wire_ && communicator.size() > 1;
  at::Tensor sent = is_halved ? tensor.to(at::kBFloat16) : tensor;
  const Reduce how = sums() ? Reduce::kSum : Reduce::kMean;
  if (scatters_) {
    communicator.reduce_scatter(sent, how);
  } else {
    communicator.all_reduce(sent, how);
  }
  if (is_halved) tensor.copy_(sent);
}

at::Tensor ReductionQueue::zeros(int64_t elements, const at::TensorOptions& options) {
  if (!has_window_) return at::zeros({elements}, options);
  Communicator& communicator = stream_ ? *stream_->communicator : communicator_;
  return communicator.shared_zeros(elements, options);
}

void ReductionQueue::push(const at::Tensor& tensor) {
  if (worker_) {
    worker_->push(tensor);
  } else if (stream_) {
    stream_->order(stream_->streams.getStream(stream_->device), stream_->side);
    const c10::StreamGuard guard(stream_->side);
    reduce(*stream_->communicator, tensor);
  } else {
    const Clock::time_point start = Clock::now();
    reduce(communicator_, tensor);
    under_way_ += seconds_since(start);
  }
}

void ReductionQueue::wait() {
  if (worker_) {
    worker_->wait();
  } else if (stream_) {
    stream_->order(stream_->side, stream_->streams.getStream(stream_->device));
  }
}

ReductionQueue::Times ReductionQueue::times() const {
  if (!worker_) return {under_way_, under_way_};
  const std::lock_guard lock(worker_->mutex);
  return worker_->times;
}

int64_t choose_bucket_bytes(Communicator& communicator, at::Device device) {
  constexpr int64_t kSmall = 1024, kLarge = int64_t{1} << 20;  // float32 elements
  const auto seconds = [&](int64_t elements, int times) {
    at::Tensor tensor = at::zeros({elements}, at::TensorOptions(device).dtype(at::kFloat));
    double best = 1e9;
    for (int i = 0; i < times; ++i) {
      communicator.barrier();
      const Clock::time_point start = Clock::now();
      communicator.all_reduce(tensor, Reduce::kSum);
      tensor[0].item<float>();  // a GPU's is there only then
      best = std::min(best, seconds_since(start));
    }
    return best;
  };
  const double latency = seconds(kSmall, 10), whole = seconds(kLarge, 3);
  const double bytes_a_second = 4 * kLarge / std::max(whole - latency, 1e-6);
  const double wanted =
      std::clamp(20 * latency * bytes_a_second, double{1 << 20}, double{64 << 20});
  at::Tensor chosen =
      at::tensor({static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(wanted)))}, at::kLong);
  chosen = chosen.to(device);
  communicator.broadcast(chosen, 0);
  return chosen.item<int64_t>();
}

}  // namespace bbg::comm
