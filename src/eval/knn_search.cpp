#include "eval/knn_search.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "eval/shared_rows.h"

namespace bbg::eval {

namespace {

using comm::Communicator;
using comm::Reduce;

constexpr int64_t kBlockBytes = 16
                                << 20;  // features at work, and those that pass from a rank to all
constexpr int64_t kMostRows = 8192;     // at most: a block's distances to some queries are 8 MiB
constexpr int64_t kQueries = 256;       // test samples a block
constexpr int64_t kExtraCandidates = 64;
// Bound on the rounding of a product of rows in float32, against the product of their lengths: some
// 30 units in the last place, which covers sums over thousands of features.
constexpr double kRounding = 4e-6;

// Rows of a block of so many features.
int64_t rows_of(int64_t width, at::ScalarType type) {
  const auto bytes = width * static_cast<int64_t>(at::elementSize(type));
  return std::max<int64_t>(1, kBlockBytes / std::max<int64_t>(1, bytes));
}

// Rounding of a float32 sum of so many terms, of which eight run side by side.
double rounding_of_sum(int64_t terms) {
  const int64_t additions = terms / 8 + 16;
  return static_cast<double>(additions) * std::numeric_limits<float>::epsilon();
}

// How rows are compared: as they are, near their centre, or at length 1.
class Metric {
 public:
  Metric(Communicator& communicator, const at::Tensor& train, Distance distance)
      : distance_(distance), rounding_of_sum_(rounding_of_sum(train.size(1))) {
    if (distance != Distance::kL2) return;
    // Distances do not change when all points move; near the origin the sums cancel least.
    at::Tensor sum = at::zeros({train.size(1) + 1}, train.options().dtype(at::kDouble));
    for (const at::Tensor& rows : train.split(rows_of(train.size(1), at::kDouble))) {
      sum.slice(0, 1) += rows.sum(0, false, at::kDouble);
    }
    sum[0] = static_cast<double>(train.size(0));
    communicator.all_reduce(sum, Reduce::kSum);
    centre_ = (sum.slice(0, 1) / sum[0]).to(train.scalar_type());
  }

  // The rows whose distances are meant.
  at::Tensor rows(const at::Tensor& features) const {
    if (distance_ != Distance::kCosine) return features;
    // In float64, so that it does not depend on how many rows come at a time.
    const at::Tensor wide = features.to(at::kDouble);
    const at::Tensor length = at::linalg_vector_norm(wide, 2, at::IntArrayRef{1}, true);
    return (wide / length.clamp_min(1e-12)).to(features.scalar_type());
  }
  // The same, moved as suits float32.
  at::Tensor centred(const at::Tensor& rows) const {
    return distance_ == Distance::kL2 ? rows - centre_ : rows;
  }

  // [q, n]. L2: less |x|^2, which does not change the order of one query's candidates.
  at::Tensor approximate(const at::Tensor& x, const at::Tensor& y, const at::Tensor& norms) const {
    switch (distance_) {
      case Distance::kL1:
        return at::cdist(x, y, 1);
      case Distance::kL2:
        return at::addmm(norms, x, y.t(), 1, -2);
      case Distance::kCosine:
        return x.mm(y.t()).neg_();
    }
    BBG_CHECK(false, "a distance");
  }

  // Bounds on the rounding of what approximate() gave.
  at::Tensor slack(const at::Tensor& distances, const at::Tensor& x_norms,
                   const at::Tensor& norms) const {
    switch (distance_) {
      case Distance::kL1:
        return distances * rounding_of_sum_;
      case Distance::kL2:
        return (x_norms + norms) * kRounding;
      case Distance::kCosine:
        return at::full({1, 1}, kRounding, distances.options());
    }
    BBG_CHECK(false, "a distance");
  }

  // Distances of pairs of rows, [pairs], float64.
  at::Tensor exact(const at::Tensor& x, const at::Tensor& y) const {
    switch (distance_) {
      case Distance::kL1:
        return (x - y).abs_().sum(1);
      case Distance::kL2:
        return (x - y).square_().sum(1);
      case Distance::kCosine:
        return -(x * y).sum(1);
    }
    BBG_CHECK(false, "a distance");
  }

 private:
  const Distance distance_;
  // Bound for as many positive terms as there are features, added eight at a time, against their
  // sum.
  const double rounding_of_sum_;
  at::Tensor centre_;  // [d]
};

// A block of the training split.
struct TrainBlock {
  at::Tensor rows, centred, norms;  // [n, d], [n, d], [n]
  int64_t first;                    // index of its first sample

  TrainBlock(const Metric& metric, const at::Tensor& block, int64_t first_index)
      : rows(metric.rows(block)),
        centred(metric.centred(rows)),
        norms(centred.square().sum(1)),
        first(first_index) {}
};

// Some test samples, and the nearest of the blocks so far.
class Queries {
 public:
  Queries(const Metric& metric, const at::Tensor& features)
      : metric_(metric),
        rows_(metric.rows(features)),
        centred_(metric.centred(rows_)),
        norms_(centred_.square().sum(1, /*keepdim=*/true)),
        bounds_(at::empty({rows_.size(0), 0}, rows_.options())),
        nearest_(static_cast<size_t>(rows_.size(0))) {}

  std::vector<std::vector<Neighbour>>& nearest() { return nearest_; }

  void add(const TrainBlock& block, int64_t k) {
    const at::Tensor pairs = candidates(block, k);
    const at::Tensor distances = exact_distances(block, pairs);
    const at::Tensor host_pairs = pairs.cpu().contiguous();
    const auto pair = host_pairs.accessor<int64_t, 2>();
    const auto distance = distances.accessor<double, 1>();
    for (int64_t at = 0; at < pair.size(0);) {
      const int64_t query = pair[at][0];
      std::vector<Neighbour>& nearest = nearest_[static_cast<size_t>(query)];
      for (; at < pair.size(0) && pair[at][0] == query; ++at) {
        nearest.push_back({distance[at], block.first + pair[at][1]});
      }
      const auto kept = nearest.begin() + std::min(k, std::ssize(nearest));
      std::partial_sort(nearest.begin(), kept, nearest.end());
      nearest.erase(kept, nearest.end());
    }
  }

 private:
  // All (query, sample of the block) that may be among the k nearest so far, by query, then by
  // index: whose lower bound does not exceed the k smallest upper bounds.
  at::Tensor candidates(const TrainBlock& block, int64_t k) {
    const at::Tensor distances = metric_.approximate(centred_, block.centred, block.norms);
    const at::Tensor slack = metric_.slack(distances, norms_, block.norms);
    const auto smallest = [&](const at::Tensor& values) {
      return std::get<0>(values.topk(std::min(k, values.size(1)), 1, /*largest=*/false));
    };
    bounds_ = smallest(at::cat({bounds_, smallest(distances + slack)}, 1));
    if (bounds_.size(1) < k) return at::ones_like(distances, at::kBool).nonzero();
    at::Tensor is_candidate = (distances - slack).le(bounds_.amax(1, /*keepdim=*/true));
    const int64_t most = k + kExtraCandidates;
    if (is_candidate.sum(1).max().item<int64_t>() > most) {
      is_candidate.logical_and_(is_candidate.cumsum(1, at::kInt).le(most));
    }
    return is_candidate.nonzero();  // [pairs, 2]
  }

  at::Tensor exact_distances(const TrainBlock& block, const at::Tensor& pairs) const {
    std::vector<at::Tensor> parts = {at::empty({0}, rows_.options().dtype(at::kDouble))};
    for (const at::Tensor& some : pairs.split(rows_of(rows_.size(1), at::kDouble))) {
      const at::Tensor x = rows_.index_select(0, some.select(1, 0)).to(at::kDouble);
      const at::Tensor y = block.rows.index_select(0, some.select(1, 1)).to(at::kDouble);
      parts.push_back(metric_.exact(x, y));
    }
    return at::cat(parts).cpu();
  }

  const Metric& metric_;
  const at::Tensor rows_, centred_, norms_;  // [q, d], [q, d], [q, 1]
  at::Tensor bounds_;                        // [q, up to k] smallest upper bounds of a distance
  std::vector<std::vector<Neighbour>> nearest_;
};

}  // namespace

at::Tensor gather_labels(Communicator& communicator, const at::Tensor& labels, at::Device device) {
  const SharedRows rows(communicator, labels.to(device).unsqueeze(1));
  std::vector<at::Tensor> parts = {at::empty({0}, at::kLong)};
  rows.visit_blocks(
      [&](const at::Tensor& block, int64_t) { parts.push_back(block.squeeze(1).cpu()); });
  return at::cat(parts);
}

std::vector<std::vector<Neighbour>> nearest_neighbours(Communicator& communicator,
                                                       const at::Tensor& train_features,
                                                       const at::Tensor& test_features, int64_t k,
                                                       Distance distance,
                                                       const PassDone& pass_done) {
  const at::NoGradGuard no_grad;
  const at::NoTF32Guard no_tf32;
  BBG_CHECK(k >= 1, "neighbours are at least one");
  const Metric metric(communicator, train_features, distance);
  std::vector<Queries> queries;
  for (int64_t first = 0; first < test_features.size(0); first += kQueries) {
    queries.emplace_back(
        metric, test_features.narrow(0, first, std::min(kQueries, test_features.size(0) - first)));
  }
  const SharedRows train(
      communicator, train_features,
      std::min(rows_of(train_features.size(1), train_features.scalar_type()), kMostRows));
  const int64_t passes = train.num_blocks();
  train.visit_blocks([&](const at::Tensor& rows, int64_t first) {
    const TrainBlock block(metric, rows, first);
    for (Queries& some : queries) some.add(block, k);
    if (pass_done) pass_done(passes);
  });
  std::vector<std::vector<Neighbour>> nearest;
  for (Queries& some : queries) {
    for (std::vector<Neighbour>& one : some.nearest()) nearest.push_back(std::move(one));
  }
  return nearest;
}

}  // namespace bbg::eval
