#pragma once
// E with its first stages frozen as they are, those after them made anew, and a classifier on top,
// which learns labels: a column of the transfer protocol (eval/transfer.h). Frozen stages have the
// statistics of evaluation; batch norm in those that are trained spans all ranks. All calls are
// collectives, but probabilities().

#include <vector>

#include "core/types.h"
#include "eval/transfer.h"
#include "measure/classifier.h"
#include "measure/context.h"
#include "model/encoder.h"
#include "train/arena.h"

namespace bbg::measure {

class Retrained {
 public:
  // `trained` is in evaluation mode, outlives this object and is not changed. frozen: from 1 to the
  // number of its stages; the end of the trunk belongs to the last.
  Retrained(const Context& context, model::Encoder& trained, size_t frozen, int64_t num_classes);

  // A step of SGD, from 0, on the mean cross entropy of a global batch, of which each rank has an
  // equal part, in rank order.
  void step(const core::Batch& batch, int64_t step);
  // Softmax of the logits, [n, classes] float32, with the running statistics. Rank-local.
  at::Tensor probabilities(const at::Tensor& images);

  // Trained parameters: of the stages made anew, then of the classifier.
  const std::vector<nn::NamedTensor>& parameters() const { return parameters_; }
  // The seed of what is made anew, for a run's seed.
  static uint64_t seed_of(int64_t seed);

 private:
  at::Tensor feature(const at::Tensor& images);
  void begin(nn::Mode mode);
  std::vector<at::Tensor> dropout_of(int64_t step, int64_t rows) const;

  comm::Communicator& ranks_;
  const eval::TransferOptions options_;
  const uint64_t seed_;
  model::Trunk& trained_;
  const size_t frozen_;
  model::Encoder encoder_;  // its stages after the frozen ones are used
  Classifier classifier_;
  std::vector<nn::NamedTensor> parameters_;
  train::Arena arena_;
  eval::MomentumSgd sgd_;
};

// The widths of the classifier on a trunk: hidden layers sixteen times as wide as the last map
// where it is laid flat, none where it is averaged (docs/choices.md 73).
Classifier::Shape classifier_shape(model::Encoder& encoder, const Context& context,
                                   int64_t num_classes);

}  // namespace bbg::measure
