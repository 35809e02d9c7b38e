#include "comm/gradient_exchange.h"

#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <utility>

#include "core/error.h"

namespace bbg::comm {

struct GradientExchange::Buckets {
  struct Bucket {
    at::Tensor slice;
    int64_t size = 0;     // parameters
    int64_t missing = 0;  // of them, in this backward
  };

  ReductionQueue& queue;
  std::vector<Bucket> buckets;
  // What autograd runs for each parameter, with our hook behind it. Autograd itself keeps none.
  struct Watched {
    std::shared_ptr<torch::autograd::Node> accumulator;
    uintptr_t hook;
  };
  std::vector<Watched> watched;
  size_t next = 0;          // bucket to be sent
  bool is_sending = false;  // between begin() and finish()

  Buckets(ReductionQueue& to, const at::Tensor& gradients, const std::vector<Place>& places)
      : queue(to) {
    const int64_t element = gradients.element_size();
    int64_t first = 0;
    size_t from = 0;
    for (size_t i = 0; i < places.size(); ++i) {
      const int64_t end = i + 1 < places.size() ? places[i + 1].offset : gradients.numel();
      const int64_t wanted = buckets.empty() ? queue.first_bucket_bytes() : queue.bucket_bytes();
      if ((end - first) * element < wanted && i + 1 < places.size()) continue;
      for (size_t k = from; k <= i; ++k) watch(places[k].parameter, buckets.size());
      buckets.push_back(
          {gradients.narrow(0, first, end - first), static_cast<int64_t>(i + 1 - from)});
      first = end;
      from = i + 1;
    }
  }

  // The networks may live on.
  ~Buckets() {
    for (const Watched& one : watched) one.accumulator->del_post_hook(one.hook);
  }

  void watch(const at::Tensor& parameter, size_t bucket) {
    auto accumulator = torch::autograd::impl::grad_accumulator(parameter);
    using torch::autograd::variable_list;
    const uintptr_t hook =
        accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
            [this, bucket](const variable_list& outputs, const variable_list&) {
              if (is_sending) arrived(bucket);
              return outputs;
            }));
    watched.push_back({std::move(accumulator), hook});
  }

  void arrived(size_t bucket) {
    BBG_CHECK(--buckets[bucket].missing >= 0, "a gradient was added to after it had been sent");
    while (next < buckets.size() && buckets[next].missing == 0) queue.push(buckets[next++].slice);
  }
};

GradientExchange::GradientExchange(Communicator& communicator, ReductionQueue& queue,
                                   at::Tensor gradients, std::vector<Place> places)
    : communicator_(communicator),
      queue_(queue),
      gradients_(std::move(gradients)),
      places_(std::move(places)) {}

GradientExchange::~GradientExchange() = default;

void GradientExchange::begin() {
  if (!queue_.takes_buckets()) return;
  if (!buckets_) buckets_ = std::make_unique<Buckets>(queue_, gradients_, places_);
  for (Buckets::Bucket& bucket : buckets_->buckets) bucket.missing = bucket.size;
  buckets_->next = 0;
  buckets_->is_sending = true;
}

void GradientExchange::finish() {
  if (buckets_ && buckets_->is_sending) {
    // What backward did not reach.
    while (buckets_->next < buckets_->buckets.size()) {
      queue_.push(buckets_->buckets[buckets_->next++].slice);
    }
    buckets_->is_sending = false;
  } else {
    queue_.push(gradients_);
  }
  queue_.wait();
}

at::Tensor GradientExchange::norm() {
  at::Tensor norm = gradients_.norm();
  // Hosts that use another number of threads may round it otherwise; rank 0's counts.
  communicator_.broadcast(norm, 0);
  return norm;
}

}  // namespace bbg::comm
