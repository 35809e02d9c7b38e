#pragma once
// k-nearest-neighbour classification on frozen features by the published protocols, for several k
// from one search:
// - BigBiGAN's: each of the nearest votes once; L1 and L2 distance; k = 1, 5, 25, 50.
// - DINO's (eval_knn.py): votes weighted by exp(cosine / 0.07); k = 10, 20, 100, 200.
// Collectives: each rank brings its part of both splits, in the order of the data set; every rank
// returns the same numbers, on any number of ranks.

#include "eval/knn_search.h"
#include "eval/labelled_rows.h"

namespace bbg::eval {

// Who wins among labels of equally many votes.
enum class Tie {
  kNearest,      // that of the nearest sample
  kLowestLabel,  // scikit-learn's rule
};

struct VoteOptions {
  std::vector<int64_t> k = {1, 5, 25, 50};
  Distance distance = Distance::kL2;
  Tie tie = Tie::kNearest;
};

// Accuracies in [0, 1], one for each k; a k beyond the training split takes all of it. UsageError,
// on all ranks alike: a split without samples, a sample without label. NaN if any feature is not
// finite (a diverged network).
std::vector<double> knn_accuracies(comm::Communicator& communicator, const LabelledRows& train,
                                   const LabelledRows& test, const VoteOptions& options,
                                   const PassDone& pass_done = {});

struct WeightedVoteOptions {
  std::vector<int64_t> k = {10, 20, 100, 200};
  double temperature = 0.07;
};

struct TopAccuracy {
  double top1 = 0, top5 = 0;  // in [0, 1]
};

// The same for weighted votes. Equal sums: the lowest label is first; a label without a vote is in
// no top 5.
std::vector<TopAccuracy> weighted_knn_accuracies(comm::Communicator& communicator,
                                                 const LabelledRows& train,
                                                 const LabelledRows& test,
                                                 const WeightedVoteOptions& options,
                                                 const PassDone& pass_done = {});

}  // namespace bbg::eval
