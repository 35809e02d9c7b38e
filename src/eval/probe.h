#pragma once
// Linear probe: how well a linear classifier reads the label off frozen features. Multinomial
// logistic regression, mean loss + l2/2 |W|^2 (biases are free), on features standardised by the
// training set; full-batch L-BFGS. A collective: each rank brings its part of both splits, in the
// order of the data set, and all ranks return the same result. On any number of ranks the result is
// the same up to the order of float sums.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "comm/communicator.h"

namespace bbg::eval {

struct ProbeOptions {
  // Fixed: on 20,000 raw Fashion-MNIST images 1e-4, 1e-3, 1e-2, 1e-1 give a test accuracy of 0.825,
  // 0.836, 0.838, 0.823 after 100 iterations.
  double l2 = 1e-2;
  // Instead: the best of kProbeGrid on every fifth training sample, held out; then fit on all.
  bool choose_l2 = false;
  int64_t iterations = 100;
  double tolerance = 1e-5;  // stops when no gradient component is larger
  // Called after each evaluation of loss and gradient, by all ranks equally often.
  std::function<void()> pass_done = {};
};

inline constexpr double kProbeGrid[] = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5};

// Bytes that a probe takes on each of `ranks` ranks beside its features: a slice of each vector of
// L-BFGS, (d + 1) x classes doubles over ranks, and whole the weights (float) and their gradient (a
// float and a double).
int64_t probe_bytes(int64_t width, int64_t num_classes, int ranks);

// A linear classifier on features, standardised by those it was fitted to.
struct LinearClassifier {
  at::Tensor mean, scale;   // [d]; scale 0 where the feature is constant
  at::Tensor matrix, bias;  // [d, classes], [classes]

  at::Tensor predict(const at::Tensor& features) const;  // [n, d] -> [n] int64
};

struct ProbeResult {
  double accuracy = 0;               // on the test split, in [0, 1]
  double train_accuracy = 0;         // on all training samples
  double l2 = 0;                     // used in the final fit
  int64_t iterations = 0;            // in the final fit
  LinearClassifier classifier = {};  // undefined where accuracies are NaN
};

// Features [n_r, d], float32 (float64 computes in float64), any device that `communicator` serves;
// labels [n_r] int64, >= 0. n_r may differ between ranks and may be 0 on some. UsageError, on all
// ranks alike: a split without samples, a sample without label. Accuracies are NaN if any feature
// is not finite (a diverged network).
ProbeResult linear_probe(comm::Communicator& communicator, const at::Tensor& train_features,
                         const at::Tensor& train_labels, const at::Tensor& test_features,
                         const at::Tensor& test_labels, const ProbeOptions& options);

// Doubles in a rank's slice of the weights, [d + 1, classes] row-major, the last row the biases.
// Slices follow in rank order; what lies behind the weights' end is 0.
int64_t probe_slice(int64_t width, int64_t num_classes, int ranks);

// The probe's objective over all ranks, at the weights of which each rank gives its slice. Features
// are taken as they are. Writes the slice of the gradient. A collective.
double probe_loss(comm::Communicator& communicator, const at::Tensor& features,
                  const at::Tensor& labels, int64_t num_classes, double l2,
                  const std::vector<double>& slice, std::vector<double>& gradient);

}  // namespace bbg::eval
