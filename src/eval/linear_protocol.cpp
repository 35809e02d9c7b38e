#include "eval/linear_protocol.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "eval/knn_search.h"
#include "eval/label_places.h"
#include "eval/moments.h"
#include "eval/shared_rows.h"
#include "eval/splits.h"

namespace bbg::eval {

namespace {

using comm::Communicator;
using comm::Reduce;

constexpr int64_t kWholeSplit = 50'000;  // from here on kHeldOut samples are held out, not a fifth
constexpr int64_t kHeldOut = 10'000;
constexpr int64_t kHeldRows = 1024;  // at a time
constexpr double kFirstDeviation = 0.01;

using Indices = std::vector<int64_t>;

void shuffle(Indices& indices, uint64_t seed, uint64_t epoch) {
  core::RandomStream random(seed, core::Purpose::kEvaluate, core::hash_name("linear protocol"),
                            epoch);
  for (size_t i = indices.size(); i > 1; --i) {
    std::swap(indices[i - 1], indices[random.next_below(i)]);
  }
}

// Training samples, by their numbers over all ranks.
struct TrainSplit {
  Indices held, rest;

  TrainSplit(int64_t count, uint64_t seed) {
    Indices all(static_cast<size_t>(count));
    std::iota(all.begin(), all.end(), int64_t{0});
    shuffle(all, seed, 0);
    const int64_t held_count = count < kWholeSplit ? std::max<int64_t>(1, count / 5) : kHeldOut;
    held.assign(all.begin(), all.begin() + held_count);
    rest.assign(all.begin() + held_count, all.end());
    if (rest.empty()) rest = held;
  }
};

// The batches of all ranks, epoch after epoch.
class BatchOrder {
 public:
  BatchOrder(Indices samples, int64_t batch, uint64_t seed)
      : order_(std::move(samples)),
        batch_(static_cast<size_t>(std::min(batch, std::ssize(order_)))),
        seed_(seed) {}

  int64_t batch() const { return static_cast<int64_t>(batch_); }

  Indices next() {
    Indices indices;
    for (size_t i = 0; i < batch_; ++i) {
      if (at_ % order_.size() == 0) {
        shuffle(order_, seed_, ++epoch_);
        at_ = 0;
      }
      indices.push_back(order_[at_++]);
    }
    return indices;
  }

 private:
  Indices order_;
  const size_t batch_;
  const uint64_t seed_;
  uint64_t epoch_ = 0;
  size_t at_ = 0;
};

// The classifiers of this rank: every size-th rate.
class Classifiers {
 public:
  Classifiers(const Communicator& communicator, const LinearProtocolOptions& options,
              int64_t num_classes, const at::Tensor& features, int64_t batch)
      : momentum_(options.momentum), classes_(num_classes) {
    const int64_t width = features.size(1);
    std::vector<double> rates;
    for (int64_t i = communicator.rank(); i < std::ssize(options.rates); i += communicator.size()) {
      rates.push_back(options.rates[static_cast<size_t>(i)] * static_cast<double>(batch) / 256);
    }
    count_ = std::ssize(rates);
    rates_ = at::tensor(rates, at::kDouble).to(features.options()).view({count_, 1, 1});
    at::Tensor first = at::empty({num_classes, width}, at::kFloat);
    core::RandomStream random(options.seed, core::Purpose::kEvaluate,
                              core::hash_name("linear protocol, weights"), 0);
    random.fill_normal({first.data_ptr<float>(), static_cast<size_t>(first.numel())});
    first = (first * kFirstDeviation).to(features.options());
    weights_ = first.repeat({count_, 1, 1});
    biases_ = at::zeros({count_, num_classes, 1}, features.options());
    weight_momentum_ = at::zeros_like(weights_);
    bias_momentum_ = at::zeros_like(biases_);
  }

  int64_t count() const { return count_; }
  at::Tensor weights(int64_t i) const { return weights_[i]; }  // [classes, d]
  at::Tensor biases(int64_t i) const { return biases_[i]; }    // [classes, 1]

  // [n, count, classes]
  at::Tensor logits(const at::Tensor& x) const {
    return at::addmm(biases_.flatten(), x, weights_.flatten(0, 1).t())
        .view({x.size(0), count_, classes_});
  }

  // One step of PyTorch's SGD on the mean cross entropy, with the rates times `decay`.
  void step(const at::Tensor& x, const at::Tensor& labels, double decay) {
    if (count_ == 0) return;
    // The loss's gradient by the logits: softmax less one-hot.
    at::Tensor rest = at::softmax(logits(x), 2);
    const at::Tensor target = labels.view({-1, 1, 1}).expand({-1, count_, 1});
    rest.scatter_add_(2, target, at::full({1, 1, 1}, -1, rest.options()).expand(target.sizes()));
    rest.div_(x.size(0));
    weight_momentum_.mul_(momentum_);
    weight_momentum_.flatten(0, 1).addmm_(rest.flatten(1).t(), x);
    bias_momentum_.mul_(momentum_).add_(rest.sum(0).unsqueeze(2));
    const at::Tensor rates = rates_ * decay;
    weights_.addcmul_(weight_momentum_, rates, -1);
    biases_.addcmul_(bias_momentum_, rates, -1);
  }

 private:
  const double momentum_;
  const int64_t classes_;
  int64_t count_ = 0;
  at::Tensor rates_;                      // [count, 1, 1]
  at::Tensor weights_, weight_momentum_;  // [count, classes, d]
  at::Tensor biases_, bias_momentum_;     // [count, classes, 1]
};

// Features and labels of any training samples, on every rank.
struct TrainSamples {
  const SharedRows& features;
  const at::Tensor labels;  // all ranks', on the CPU

  LabelledRows gather(const Indices& indices) const {
    const at::Tensor chosen = labels.index_select(0, at::tensor(indices, at::kLong));
    return {features.gather(indices), chosen.to(features.own().device())};
  }
};

// Mean loss and accuracy of every rate's classifier on the held-out samples.
std::vector<RateResult> held_results(Communicator& communicator, const Classifiers& classifiers,
                                     const TrainSamples& samples, const Indices& held,
                                     const std::vector<double>& rates) {
  const auto kinds = std::ssize(rates);
  at::Tensor sums = at::zeros({kinds, 2}, samples.features.own().options().dtype(at::kDouble));
  for (int64_t first = 0; first < std::ssize(held); first += kHeldRows) {
    const auto begin = held.begin() + first;
    const auto some =
        samples.gather(Indices(begin, begin + std::min(kHeldRows, std::ssize(held) - first)));
    if (classifiers.count() == 0) continue;
    const at::Tensor logits = classifiers.logits(some.features);
    for (int64_t i = 0; i < classifiers.count(); ++i) {
      const at::Tensor own = logits.select(1, i);
      const at::Tensor sum = sums[communicator.rank() + i * communicator.size()];
      sum[0] -= at::log_softmax(own, 1).gather(1, some.labels.unsqueeze(1)).sum(at::kDouble);
      sum[1] += label_places(own, some.labels).eq(0).sum();
    }
  }
  communicator.all_reduce(sums, Reduce::kSum);
  sums = sums.cpu() / static_cast<double>(held.size());
  std::vector<RateResult> results;
  for (int64_t i = 0; i < kinds; ++i) {
    results.push_back({.rate = rates[static_cast<size_t>(i)],
                       .held_loss = sums[i][0].item<double>(),
                       .held_accuracy = sums[i][1].item<double>()});
  }
  return results;
}

TopAccuracy measure(Communicator& communicator, const Classifiers& classifiers, int64_t chosen,
                    int64_t num_classes, const LabelledRows& test) {
  const auto owner = static_cast<int>(chosen % communicator.size());
  at::Tensor weights = at::empty({num_classes, test.features.size(1)}, test.features.options());
  at::Tensor biases = at::empty({num_classes, 1}, test.features.options());
  if (owner == communicator.rank()) {
    weights.copy_(classifiers.weights(chosen / communicator.size()));
    biases.copy_(classifiers.biases(chosen / communicator.size()));
  }
  communicator.broadcast(weights, owner);
  communicator.broadcast(biases, owner);
  Hits hits;
  const at::Tensor labels = test.labels.to(test.features.device());
  int64_t first = 0;
  for (const at::Tensor& rows : row_blocks(test.features)) {
    hits.add(at::addmm(biases.squeeze(1), rows, weights.t()),
             labels.narrow(0, first, rows.size(0)));
    first += rows.size(0);
  }
  return hits.shares(communicator, test.features.device());
}

}  // namespace

int64_t linear_protocol_bytes(int64_t width, int64_t num_classes, int ranks,
                              const LinearProtocolOptions& options) {
  const int64_t heads = (std::ssize(options.rates) + ranks - 1) / ranks;
  const int64_t weights = 3 * heads * num_classes * (width + 1);
  const int64_t batch = options.batch * (2 * width + 3 * heads * num_classes);
  return (weights + batch) * static_cast<int64_t>(sizeof(float));
}

LinearProtocolResult linear_protocol(Communicator& communicator, const LabelledRows& train,
                                     const LabelledRows& test, const LinearProtocolOptions& options,
                                     const std::vector<at::Tensor>& views) {
  const at::NoGradGuard no_grad;
  const at::NoTF32Guard no_tf32;
  BBG_CHECK(!options.rates.empty() && options.batch >= 1 && options.steps >= 1,
            "the linear protocol has rates, a batch and steps");
  const SplitFacts facts =
      examine_splits(communicator, train.features, train.labels, test.features, test.labels);
  if (!facts.is_finite) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {.test = {nan, nan}, .rate = nan, .rates = {}};
  }
  const SharedRows features(communicator, train.features);
  const TrainSamples samples{features,
                             gather_labels(communicator, train.labels, train.features.device())};
  std::vector<SharedRows> changed;
  for (const at::Tensor& view : views) {
    BBG_CHECK(view.sizes() == train.features.sizes(), "a view is of the same samples");
    changed.emplace_back(communicator, view);
  }
  const TrainSplit split(facts.train_count, options.seed);
  BatchOrder order(split.rest, options.batch, options.seed);
  Classifiers classifiers(communicator, options, facts.num_classes, train.features, order.batch());
  for (int64_t step = 0; step < options.steps; ++step) {
    const SharedRows& seen = changed.empty() ? features : changed[step % changed.size()];
    const LabelledRows batch = TrainSamples{seen, samples.labels}.gather(order.next());
    const double done = static_cast<double>(step) / static_cast<double>(options.steps);
    classifiers.step(batch.features, batch.labels, (1 + std::cos(std::numbers::pi * done)) / 2);
    if (options.step_done) options.step_done();
  }
  LinearProtocolResult result;
  result.rates = held_results(communicator, classifiers, samples, split.held, options.rates);
  const auto best = std::max_element(
      result.rates.begin(), result.rates.end(),
      [](const RateResult& a, const RateResult& b) { return a.held_accuracy < b.held_accuracy; });
  result.rate = best->rate;
  result.test =
      measure(communicator, classifiers, best - result.rates.begin(), facts.num_classes, test);
  return result;
}

}  // namespace bbg::eval
