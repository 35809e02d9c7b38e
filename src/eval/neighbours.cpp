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

constexpr int64_t kBlockBytes = 16 << 20;  // training features that pass from a rank to all
constexpr int64_t kQueries = 256;          // test samples a block
constexpr int64_t kPairs = 8192;           // exact distances a block
constexpr int64_t kExtraCandidates = 64;
// Bound on the rounding of |y|^2 - 2 x.y in float32, against |x|^2 + |y|^2: some 30 units in the
// last place, which covers sums over thousands of features.
constexpr double kRounding = 4e-6;

// Rows that each rank brings.
std::vector<int64_t> part_sizes(Communicator& communicator, const at::Tensor& part) {
  const at::Tensor sizes =
      communicator.all_gather(at::full({1}, part.size(0), part.options().dtype(at::kLong))).cpu();
  return {sizes.data_ptr<int64_t>(), sizes.data_ptr<int64_t>() + sizes.numel()};
}

// Unequal parts of all ranks, joined in rank order.
at::Tensor gather_labels(Communicator& communicator, const at::Tensor& part,
                         const std::vector<int64_t>& sizes) {
  const int64_t largest = *std::max_element(sizes.begin(), sizes.end());
  at::Tensor padded = at::zeros({largest}, part.options());
  padded.narrow(0, 0, part.size(0)).copy_(part);
  const at::Tensor all = communicator.all_gather(padded);
  std::vector<at::Tensor> parts;
  for (int64_t r = 0; r < communicator.size(); ++r) {
    parts.push_back(all.narrow(0, r * largest, sizes[r]));
  }
  return at::cat(parts);
}

int64_t block_rows(const at::Tensor& part) {
  return std::max<int64_t>(1, kBlockBytes / (part.size(1) * part.element_size()));
}

int64_t num_blocks(const at::Tensor& part, const std::vector<int64_t>& sizes) {
  const int64_t rows = block_rows(part);
  int64_t blocks = 0;
  for (const int64_t size : sizes) blocks += (size + rows - 1) / rows;
  return blocks;
}

// Calls `visit` with each block of the training split, in its order, and the index of the block's
// first sample, on every rank alike: no rank holds more than its own part and a block.
template <class Visit>
void for_each_block(Communicator& communicator, const at::Tensor& part,
                    const std::vector<int64_t>& sizes, const Visit& visit) {
  const int64_t rows = block_rows(part);
  int64_t index = 0;
  for (int root = 0; root < communicator.size(); ++root) {
    for (int64_t first = 0; first < sizes[root]; first += rows) {
      const int64_t count = std::min(rows, sizes[root] - first);
      at::Tensor block = root == communicator.rank()
                             ? part.narrow(0, first, count).contiguous()
                             : at::empty({count, part.size(1)}, part.options());
      communicator.broadcast(block, root);
      visit(block, index);
      index += count;
    }
  }
}

struct Neighbour {
  double distance;
  int64_t index, label;
  bool operator<(const Neighbour& other) const {
    return std::tie(distance, index) < std::tie(other.distance, other.index);
  }
};

// A block of the training split, moved so that the whole is centred.
struct TrainBlock {
  at::Tensor features, centred, norms, slack;  // [n, d], [n, d], [n], [n]
  int64_t first;                               // index of its first sample

  TrainBlock(const at::Tensor& block, int64_t first_index, const at::Tensor& centre)
      : features(block),
        centred(block - centre),
        norms(centred.square().sum(1)),
        slack(norms * kRounding),
        first(first_index) {}
};

// Some test samples, and what is known of their neighbours after the blocks so far.
struct Queries {
  at::Tensor features, centred;  // [q, d]
  at::Tensor bounds;             // [q, up to k] smallest upper bounds of a distance
  at::Tensor limit;              // [q, 1] of the lower bound of a candidate's
  at::Tensor num_candidates;     // [q, 1]
  std::vector<std::vector<Neighbour>> nearest;

  Queries(const at::Tensor& rows, const at::Tensor& centre)
      : features(rows),
        centred(rows - centre),
        bounds(at::empty({rows.size(0), 0}, rows.options())),
        num_candidates(at::zeros({rows.size(0), 1}, rows.options().dtype(at::kInt))),
        nearest(static_cast<size_t>(rows.size(0))) {}

  // [q, n] squared distance less |x|^2, which does not change the order of one query's candidates.
  at::Tensor distances(const TrainBlock& block) const {
    return at::addmm(block.norms, centred, block.centred.t(), 1, -2);
  }

  void bound(const TrainBlock& block, int64_t k) {
    const auto smallest = [&](const at::Tensor& values) {
      return std::get<0>(values.topk(std::min(k, values.size(1)), 1, /*largest=*/false));
    };
    bounds = smallest(at::cat({bounds, smallest(distances(block) + block.slack)}, 1));
  }

  void set_limit() {
    limit = bounds.amax(1, /*keepdim=*/true) +
            centred.square().sum(1, /*keepdim=*/true) * (2 * kRounding);
  }

  // All (query, sample of the block) that may be among the k nearest, by query, then by index.
  at::Tensor candidate_pairs(const TrainBlock& block, int64_t k) {
    at::Tensor is_candidate = (distances(block) - block.slack).le(limit);
    const at::Tensor rank = is_candidate.cumsum(1, at::kInt) + num_candidates;
    num_candidates = rank.narrow(1, rank.size(1) - 1, 1);
    is_candidate.logical_and_(rank.le(k + kExtraCandidates));
    return is_candidate.nonzero();  // [pairs, 2]
  }
};

at::Tensor exact_distances(const at::Tensor& queries, const at::Tensor& train,
                           const at::Tensor& pairs) {
  std::vector<at::Tensor> blocks = {at::empty({0}, queries.options().dtype(at::kDouble))};
  for (const at::Tensor& block : pairs.split(kPairs)) {
    const at::Tensor x = queries.index_select(0, block.select(1, 0)).to(at::kDouble);
    const at::Tensor y = train.index_select(0, block.select(1, 1)).to(at::kDouble);
    blocks.push_back((x - y).square_().sum(1));
  }
  return at::cat(blocks).cpu();
}

// The k nearest of those known before and of the block's candidates.
void add_neighbours(Queries& queries, const TrainBlock& block,
                    const at::TensorAccessor<int64_t, 1>& labels, int64_t k) {
  const at::Tensor pairs = queries.candidate_pairs(block, k);
  const at::Tensor distances = exact_distances(queries.features, block.features, pairs);
  const at::Tensor host_pairs = pairs.cpu().contiguous();
  const auto pair = host_pairs.accessor<int64_t, 2>();
  const auto distance = distances.accessor<double, 1>();
  for (int64_t at = 0; at < pair.size(0);) {
    const int64_t query = pair[at][0];
    std::vector<Neighbour>& nearest = queries.nearest[static_cast<size_t>(query)];
    for (; at < pair.size(0) && pair[at][0] == query; ++at) {
      const int64_t index = block.first + pair[at][1];
      nearest.push_back({distance[at], index, labels[index]});
    }
    const auto kept = nearest.begin() + std::min(k, std::ssize(nearest));
    std::partial_sort(nearest.begin(), kept, nearest.end());
    nearest.erase(kept, nearest.end());
  }
}

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
                                  const at::Tensor& test_labels, int64_t k,
                                  const PassDone& pass_done) {
  const at::NoGradGuard no_grad;
  const at::NoTF32Guard no_tf32;
  BBG_CHECK(k >= 1, "neighbours are at least one");
  const SplitFacts facts =
      examine_splits(communicator, train_features, train_labels, test_features, test_labels);
  if (!facts.is_finite) return std::numeric_limits<double>::quiet_NaN();
  k = std::min(k, facts.train_count);

  const at::Device device = train_features.device();
  const std::vector<int64_t> sizes = part_sizes(communicator, train_features);
  const at::Tensor all_labels = gather_labels(communicator, train_labels.to(device), sizes).cpu();
  const auto labels = all_labels.accessor<int64_t, 1>();
  // Distances do not change when all points move; near the origin the sums cancel least.
  at::Tensor sum = at::zeros({train_features.size(1)}, train_features.options().dtype(at::kDouble));
  for (const at::Tensor& rows : train_features.split(block_rows(train_features))) {
    sum += rows.sum(0, false, at::kDouble);
  }
  communicator.all_reduce(sum, Reduce::kSum);
  const at::Tensor centre =
      (sum / static_cast<double>(facts.train_count)).to(train_features.scalar_type());

  std::vector<Queries> queries;
  for (int64_t first = 0; first < test_features.size(0); first += kQueries) {
    queries.emplace_back(
        test_features.narrow(0, first, std::min(kQueries, test_features.size(0) - first)), centre);
  }
  // Twice over the blocks: candidates are those that may be nearer than the k nearest of all.
  const int64_t passes = 2 * num_blocks(train_features, sizes);
  const auto visit_blocks = [&](const auto& visit) {
    for_each_block(communicator, train_features, sizes, [&](const at::Tensor& rows, int64_t first) {
      const TrainBlock block(rows, first, centre);
      for (Queries& some : queries) visit(some, block);
      if (pass_done) pass_done(passes);
    });
  };
  visit_blocks([&](Queries& some, const TrainBlock& block) { some.bound(block, k); });
  for (Queries& some : queries) some.set_limit();
  visit_blocks(
      [&](Queries& some, const TrainBlock& block) { add_neighbours(some, block, labels, k); });

  const at::Tensor wanted = test_labels.cpu();
  int64_t correct = 0, sample = 0;
  std::vector<int64_t> votes(static_cast<size_t>(facts.num_classes));
  for (const Queries& some : queries) {
    for (const std::vector<Neighbour>& nearest : some.nearest) {
      correct += vote(nearest, votes) == wanted[sample++].item<int64_t>() ? 1 : 0;
    }
  }
  at::Tensor total = at::full({1}, correct, at::TensorOptions(device).dtype(at::kLong));
  communicator.all_reduce(total, Reduce::kSum);
  return static_cast<double>(total.item<int64_t>()) / static_cast<double>(facts.test_count);
}

}  // namespace bbg::eval
