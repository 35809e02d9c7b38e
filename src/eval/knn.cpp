#include "eval/knn.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "eval/splits.h"

namespace bbg::eval {

namespace {

using comm::Communicator;

// The nearest of each test sample, with what a vote needs besides.
struct Search {
  SplitFacts facts;
  std::vector<std::vector<Neighbour>> nearest;
  at::Tensor train_labels, test_labels;  // all ranks'; this rank's

  Search(Communicator& communicator, const LabelledRows& train, const LabelledRows& test,
         const std::vector<int64_t>& k, Distance distance, const PassDone& pass_done)
      : facts(examine_splits(communicator, train.features, train.labels, test.features,
                             test.labels)) {
    BBG_CHECK(!k.empty() && *std::min_element(k.begin(), k.end()) >= 1,
              "neighbours are at least one");
    if (!facts.is_finite) return;
    const int64_t most = std::min(*std::max_element(k.begin(), k.end()), facts.train_count);
    train_labels = gather_labels(communicator, train.labels, train.features.device());
    test_labels = test.labels.cpu().contiguous();
    nearest =
        nearest_neighbours(communicator, train.features, test.features, most, distance, pass_done);
  }

  // Calls `visit` with each of this rank's test samples: its label and its nearest.
  template <class Visit>
  void visit(const Visit& visit) const {
    for (size_t i = 0; i < nearest.size(); ++i) {
      visit(test_labels.const_data_ptr<int64_t>()[i], nearest[i]);
    }
  }
  int64_t label(const Neighbour& neighbour) const {
    return train_labels.const_data_ptr<int64_t>()[neighbour.index];
  }
};

// Adds counts of all ranks and divides them by the number of test samples.
std::vector<double> shares(Communicator& communicator, const std::vector<int64_t>& counts,
                           const LabelledRows& train, const SplitFacts& facts) {
  at::Tensor total = at::tensor(counts, at::kLong).to(train.features.device());
  communicator.all_reduce(total, comm::Reduce::kSum);
  total = total.cpu();
  std::vector<double> shares;
  for (int64_t i = 0; i < total.size(0); ++i) {
    shares.push_back(static_cast<double>(total[i].item<int64_t>()) /
                     static_cast<double>(facts.test_count));
  }
  return shares;
}

size_t taken(int64_t k, const std::vector<Neighbour>& nearest) {
  return static_cast<size_t>(std::min(k, std::ssize(nearest)));
}

// `votes` [classes] are zero before and afterwards.
int64_t winner(const Search& search, const std::vector<Neighbour>& nearest, size_t k, Tie tie,
               std::vector<int64_t>& votes) {
  int64_t most = 0, first = -1;
  for (size_t i = 0; i < k; ++i) {
    most = std::max(most, ++votes[static_cast<size_t>(search.label(nearest[i]))]);
  }
  for (size_t i = 0; i < k; ++i) {
    const int64_t label = search.label(nearest[i]);
    if (votes[static_cast<size_t>(label)] != most) continue;
    if (first < 0 || (tie == Tie::kLowestLabel && label < first)) first = label;
  }
  for (size_t i = 0; i < k; ++i) votes[static_cast<size_t>(search.label(nearest[i]))] = 0;
  return first;
}

// Place of `wanted` among the labels by weight, from 0; the last there is where it has none.
int64_t place(const std::vector<double>& weights, int64_t wanted) {
  const double own = weights[static_cast<size_t>(wanted)];
  if (own == 0) return std::numeric_limits<int64_t>::max();
  int64_t before = 0;
  for (int64_t label = 0; label < std::ssize(weights); ++label) {
    const double weight = weights[static_cast<size_t>(label)];
    before += weight > own || (weight == own && label < wanted) ? 1 : 0;
  }
  return before;
}

}  // namespace

std::vector<double> knn_accuracies(Communicator& communicator, const LabelledRows& train,
                                   const LabelledRows& test, const VoteOptions& options,
                                   const PassDone& pass_done) {
  const Search search(communicator, train, test, options.k, options.distance, pass_done);
  const size_t kinds = options.k.size();
  if (!search.facts.is_finite) {
    return std::vector<double>(kinds, std::numeric_limits<double>::quiet_NaN());
  }
  std::vector<int64_t> correct(kinds), votes(static_cast<size_t>(search.facts.num_classes));
  search.visit([&](int64_t wanted, const std::vector<Neighbour>& nearest) {
    for (size_t i = 0; i < kinds; ++i) {
      const size_t k = taken(options.k[i], nearest);
      correct[i] += winner(search, nearest, k, options.tie, votes) == wanted ? 1 : 0;
    }
  });
  return shares(communicator, correct, train, search.facts);
}

std::vector<TopAccuracy> weighted_knn_accuracies(Communicator& communicator,
                                                 const LabelledRows& train,
                                                 const LabelledRows& test,
                                                 const WeightedVoteOptions& options,
                                                 const PassDone& pass_done) {
  const Search search(communicator, train, test, options.k, Distance::kCosine, pass_done);
  const size_t kinds = options.k.size();
  if (!search.facts.is_finite) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return std::vector<TopAccuracy>(kinds, {nan, nan});
  }
  std::vector<int64_t> counts(2 * kinds);  // top-1 and top-5 of each k
  std::vector<double> weights(static_cast<size_t>(search.facts.num_classes));
  search.visit([&](int64_t wanted, const std::vector<Neighbour>& nearest) {
    for (size_t i = 0; i < kinds; ++i) {
      std::fill(weights.begin(), weights.end(), 0.);
      for (size_t n = 0; n < taken(options.k[i], nearest); ++n) {
        weights[static_cast<size_t>(search.label(nearest[n]))] +=
            std::exp(-nearest[n].distance / options.temperature);
      }
      const int64_t before = place(weights, wanted);
      counts[2 * i] += before < 1 ? 1 : 0;
      counts[2 * i + 1] += before < 5 ? 1 : 0;
    }
  });
  const std::vector<double> all = shares(communicator, counts, train, search.facts);
  std::vector<TopAccuracy> accuracies;
  for (size_t i = 0; i < kinds; ++i) accuracies.push_back({all[2 * i], all[2 * i + 1]});
  return accuracies;
}

}  // namespace bbg::eval
