#include "eval/neighbours.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "eval/splits.h"

namespace bbg::eval {

namespace {

using comm::Communicator;
using comm::Reduce;

constexpr int64_t kQueries = 256;  // test samples a block
constexpr int64_t kPairs = 8192;   // exact distances a block
constexpr int64_t kExtraCandidates = 64;
// Bound on the rounding of |y|^2 - 2 x.y in float32, against |x|^2 + |y|^2: some 30 units in the
// last place, which covers sums over thousands of features.
constexpr double kRounding = 4e-6;

// Unequal parts of all ranks, joined in rank order.
at::Tensor gather_rows(Communicator& communicator, const at::Tensor& part) {
  const int64_t own = part.size(0);
  const at::Tensor sizes =
      communicator.all_gather(at::full({1}, own, part.options().dtype(at::kLong))).cpu();
  const int64_t largest = sizes.max().item<int64_t>();
  std::vector<int64_t> shape = part.sizes().vec();
  shape[0] = largest;
  at::Tensor padded = at::zeros(shape, part.options());
  padded.narrow(0, 0, own).copy_(part);
  const at::Tensor all = communicator.all_gather(padded);
  std::vector<at::Tensor> parts;
  for (int64_t r = 0; r < communicator.size(); ++r) {
    parts.push_back(all.narrow(0, r * largest, sizes[r].item<int64_t>()));
  }
  return at::cat(parts);
}

// All (query, training sample) that may be among the k nearest, ordered by query, then by index.
at::Tensor candidate_pairs(const at::Tensor& queries, const at::Tensor& train,
                           const at::Tensor& train_norms, int64_t k) {
  // Squared distance less |x|^2, which does not change the order of one query's candidates.
  const at::Tensor distance = at::addmm(train_norms, queries, train.t(), 1, -2);  // [q, n]
  const at::Tensor slack = train_norms * kRounding;
  const at::Tensor kth = std::get<0>((distance + slack).kthvalue(k, 1, /*keepdim=*/true));
  const at::Tensor limit = kth + queries.square().sum(1, /*keepdim=*/true) * (2 * kRounding);
  at::Tensor is_candidate = (distance - slack).le(limit);
  is_candidate.logical_and_(is_candidate.cumsum(1, at::kInt).le(k + kExtraCandidates));
  return is_candidate.nonzero();  // [pairs, 2]
}

at::Tensor exact_distances(const at::Tensor& queries, const at::Tensor& train,
                           const at::Tensor& pairs) {
  std::vector<at::Tensor> blocks;
  for (const at::Tensor& block : pairs.split(kPairs)) {
    const at::Tensor x = queries.index_select(0, block.select(1, 0)).to(at::kDouble);
    const at::Tensor y = train.index_select(0, block.select(1, 1)).to(at::kDouble);
    blocks.push_back((x - y).square_().sum(1));
  }
  return at::cat(blocks).cpu();
}

struct Neighbour {
  double distance;
  int64_t index, label;
  bool operator<(const Neighbour& other) const {
    return std::tie(distance, index) < std::tie(other.distance, other.index);
  }
};

// `nearest` is in order; the first label to hold the largest number of votes wins.
int64_t vote(const std::vector<Neighbour>& nearest, std::vector<int64_t>& votes) {
  std::fill(votes.begin(), votes.end(), 0);
  for (const Neighbour& neighbour : nearest) ++votes[neighbour.label];
  const int64_t most = *std::max_element(votes.begin(), votes.end());
  for (const Neighbour& neighbour : nearest) {
    if (votes[neighbour.label] == most) return neighbour.label;
  }
  return -1;
}

}  // namespace

double nearest_neighbour_accuracy(Communicator& communicator, const at::Tensor& train_features,
                                  const at::Tensor& train_labels, const at::Tensor& test_features,
                                  const at::Tensor& test_labels, int64_t k) {
  const at::NoGradGuard no_grad;
  const at::NoTF32Guard no_tf32;
  BBG_CHECK(k >= 1, "neighbours are at least one");
  const SplitFacts facts =
      examine_splits(communicator, train_features, train_labels, test_features, test_labels);
  if (!facts.is_finite) return std::numeric_limits<double>::quiet_NaN();
  k = std::min(k, facts.train_count);

  const at::Device device = train_features.device();
  const at::Tensor train = gather_rows(communicator, train_features);
  const at::Tensor all_labels = gather_rows(communicator, train_labels.to(device)).cpu();
  // Distances do not change when all points move; near the origin the sums cancel least.
  const at::Tensor centre = train.mean(0, false, at::kDouble).to(train.scalar_type());
  const at::Tensor centred = train - centre;
  const at::Tensor norms = centred.square().sum(1);
  const at::Tensor wanted = test_labels.cpu();

  int64_t correct = 0;
  std::vector<int64_t> votes(static_cast<size_t>(facts.num_classes));
  for (int64_t first = 0; first < test_features.size(0); first += kQueries) {
    const at::Tensor queries =
        test_features.narrow(0, first, std::min(kQueries, test_features.size(0) - first));
    const at::Tensor pairs = candidate_pairs(queries - centre, centred, norms, k);
    const at::Tensor distances = exact_distances(queries, train, pairs);
    const at::Tensor host_pairs = pairs.cpu().contiguous();
    const auto pair = host_pairs.accessor<int64_t, 2>();
    const auto distance = distances.accessor<double, 1>();
    const auto label = all_labels.accessor<int64_t, 1>();
    for (int64_t at = 0; at < pair.size(0);) {
      const int64_t query = pair[at][0];
      std::vector<Neighbour> nearest;
      for (; at < pair.size(0) && pair[at][0] == query; ++at) {
        nearest.push_back({distance[at], pair[at][1], label[pair[at][1]]});
      }
      std::partial_sort(nearest.begin(), nearest.begin() + k, nearest.end());
      nearest.resize(static_cast<size_t>(k));
      correct += vote(nearest, votes) == wanted[first + query].item<int64_t>() ? 1 : 0;
    }
  }
  at::Tensor total = at::full({1}, correct, at::TensorOptions(device).dtype(at::kLong));
  communicator.all_reduce(total, Reduce::kSum);
  return static_cast<double>(total.item<int64_t>()) / static_cast<double>(facts.test_count);
}

}  // namespace bbg::eval
