#include "comm/gradient_exchange.h"

#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <cmath>
#include <utility>

#include "core/error.h"

namespace bbg::comm {

namespace {

// The nearest number to the root of a scalar. On a CPU libtorch's own is MKL's, which misses it by
// one unit on some processors; a GPU's is right.
at::Tensor root_of(const at::Tensor& scalar) {
  if (!scalar.is_cpu()) return scalar.sqrt();
  return at::full({}, std::sqrt(scalar.item<double>()), scalar.options());
}

}  // namespace

struct GradientExchange::Buckets {
  struct Bucket {
    int64_t first, length;  // in the arena
    at::Tensor slice;
    int64_t size = 0;     // parameters that lie in it, wholly or in part
    int64_t missing = 0;  // those that this backward has still to reach
  };

  ReductionQueue& queue;
  std::vector<Bucket> buckets;
  // The nodes that autograd runs for each parameter, with our hook behind each. Autograd itself
  // keeps none.
  struct Watched {
    std::shared_ptr<torch::autograd::Node> accumulator;
    uintptr_t hook;
  };
  std::vector<Watched> watched;
  size_t next = 0;          // bucket to be sent
  bool is_sending = false;  // between begin() and finish()

  // Buckets end where a parameter ends, or, where ranks own parts, at the next multiple of the
  // queue's unit.
  Buckets(ReductionQueue& to, const at::Tensor& gradients, const std::vector<Place>& places)
      : queue(to) {
    const int64_t element = gradients.element_size(), total = gradients.numel();
    const int64_t unit = queue.unit();
    BBG_CHECK(total % unit == 0, "an arena that the ranks cannot share");
    BBG_CHECK(!queue.takes_buckets() || queue.bucket_bytes() != ExchangeOptions::kMeasured,
              "buckets of no size yet");
    int64_t first = 0;
    for (size_t i = 0; i < places.size(); ++i) {
      const bool is_last = i + 1 == places.size();
      const int64_t end = is_last ? total : (places[i + 1].offset + unit - 1) / unit * unit;
      const int64_t wanted = buckets.empty() ? queue.first_bucket_bytes() : queue.bucket_bytes();
      const bool is_full = queue.takes_buckets() && (end - first) * element >= wanted;
      if (end == first || (!is_full && !is_last)) continue;
      buckets.push_back({first, end - first, gradients.narrow(0, first, end - first)});
      first = end;
    }
    if (!queue.takes_buckets()) return;
    size_t from = 0;
    for (const Place& place : places) {
      const int64_t end = place.offset + place.parameter.numel();
      const auto ends_before = [&](const Bucket& bucket) {
        return bucket.first + bucket.length <= place.offset;
      };
      while (ends_before(buckets[from])) ++from;
      size_t last = from;
      while (last + 1 < buckets.size() && buckets[last + 1].first < end) ++last;
      for (size_t k = from; k <= last; ++k) ++buckets[k].size;
      watch(place.parameter, from, last);
    }
  }

  // The networks may live on.
  ~Buckets() {
    for (const Watched& one : watched) one.accumulator->del_post_hook(one.hook);
  }

  void watch(const at::Tensor& parameter, size_t from, size_t last) {
    auto accumulator = torch::autograd::impl::grad_accumulator(parameter);
    using torch::autograd::variable_list;
    const uintptr_t hook =
        accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
            [this, from, last](const variable_list& outputs, const variable_list&) {
              if (is_sending) arrived(from, last);
              return outputs;
            }));
    watched.push_back({std::move(accumulator), hook});
  }

  void arrived(size_t from, size_t last) {
    for (size_t i = from; i <= last; ++i) {
      BBG_CHECK(--buckets[i].missing >= 0, "a gradient was added to after it had been sent");
    }
    while (next < buckets.size() && buckets[next].missing == 0) queue.push(buckets[next++].slice);
  }

  // A bucket of `flat`, which has the arena's layout.
  static at::Tensor slice(const Bucket& bucket, const at::Tensor& flat) {
    return flat.narrow(0, bucket.first, bucket.length);
  }
};

GradientExchange::GradientExchange(Communicator& communicator, ReductionQueue& queue,
                                   at::Tensor gradients, std::vector<Place> places)
    : communicator_(communicator),
      queue_(queue),
      gradients_(std::move(gradients)),
      places_(std::move(places)) {}

GradientExchange::~GradientExchange() = default;

GradientExchange::Buckets& GradientExchange::buckets() {
  if (!buckets_) buckets_ = std::make_unique<Buckets>(queue_, gradients_, places_);
  return *buckets_;
}

void GradientExchange::begin() {
  if (!queue_.takes_buckets()) return;
  Buckets& all = buckets();
  for (Buckets::Bucket& bucket : all.buckets) bucket.missing = bucket.size;
  all.next = 0;
  all.is_sending = true;
}

void GradientExchange::finish() {
  if (buckets_ && buckets_->is_sending) {
    // Gradients that backward did not reach.
    while (buckets_->next < buckets_->buckets.size()) {
      queue_.push(buckets_->buckets[buckets_->next++].slice);
    }
    buckets_->is_sending = false;
  } else if (queue_.scatters()) {
    for (const Buckets::Bucket& bucket : buckets().buckets) queue_.push(bucket.slice);
  } else {
    queue_.push(gradients_);
  }
  queue_.wait();
}

std::vector<at::Tensor> GradientExchange::own_shards(const at::Tensor& flat) {
  if (!queue_.scatters()) return {flat};
  std::vector<at::Tensor> parts;
  for (const Buckets::Bucket& bucket : buckets().buckets) {
    parts.push_back(
        own_rows(Buckets::slice(bucket, flat), communicator_.rank(), communicator_.size()));
  }
  return parts;
}

void GradientExchange::all_gather_parameters(const at::Tensor& flat) {
  if (!queue_.scatters()) return;
  for (const Buckets::Bucket& bucket : buckets().buckets) {
    at::Tensor slice = Buckets::slice(bucket, flat);
    communicator_.gather_in_place(slice);
  }
}

at::Tensor GradientExchange::norm() {
  if (queue_.scatters()) {
    at::Tensor total = at::zeros({}, gradients_.options());
    for (const at::Tensor& part : own_shards(gradients_)) total += at::dot(part, part);
    communicator_.all_reduce(total, Reduce::kSum);
    return root_of(total);
  }
  at::Tensor norm = gradients_.norm();
  // Hosts that use another number of threads may round it otherwise; rank 0's counts.
  communicator_.broadcast(norm, 0);
  return norm;
}

}  // namespace bbg::comm
