#pragma once
// Linear classification on frozen features as DINOv2 measures it (linear.py): SGD with momentum and
// without weight decay, whose rate falls to 0 along a cosine; several rates in one pass over the
// same batches; the rate that classifies a held-out part of the training split best is measured on
// the test split. A collective: each rank brings its part of both splits, in the order of the data
// set, and all ranks return the same result. Each rank trains the classifiers of some rates, on
// whole batches, so that batches pass between ranks and gradients do not.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "comm/communicator.h"
#include "eval/knn.h"

namespace bbg::eval {

struct LinearProtocolOptions {
  // For a batch of 256; taken times batch / 256.
  std::vector<double> rates = {1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3,
                               2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1};
  int64_t batch = 1024;  // over all ranks; no more than there are samples
  int64_t steps = 12'500;
  double momentum = 0.9;
  uint64_t seed = 0;  // for the split, the first weights and the order of samples
  // Called after each step, by all ranks equally often.
  std::function<void()> step_done = {};
};

struct RateResult {
  double rate = 0;                          // as in the options
  double held_loss = 0, held_accuracy = 0;  // on the held-out part: mean, and in [0, 1]
};

struct LinearProtocolResult {
  TopAccuracy test;  // with the chosen rate
  double rate = 0;
  std::vector<RateResult> rates;
};

// Bytes that the protocol takes on one of so many ranks beside its features: weights, momentum and
// gradient of its rates' classifiers, a batch and its logits; float32.
int64_t linear_protocol_bytes(int64_t width, int64_t num_classes, int ranks,
                              const LinearProtocolOptions& options);

// Held out are 10,000 training samples, or a fifth where there are fewer than 50,000. Features are
// taken as they are, float32 (float64 computes in float64). Equally good rates: the first. Equal
// logits: the lowest label is first; a row of logits that is not finite hits nothing. UsageError,
// on all ranks alike: a split without samples, a sample without label. NaN if any feature is not
// finite (a diverged network).
//
// `views`: features of the same training samples after random changes of their images; the
// classifiers are trained on these, each step on the next view in turn, and chosen on
// train.features. Empty: they are trained on train.features too.
LinearProtocolResult linear_protocol(comm::Communicator& communicator, const LabelledRows& train,
                                     const LabelledRows& test, const LinearProtocolOptions& options,
                                     const std::vector<at::Tensor>& views = {});

}  // namespace bbg::eval
