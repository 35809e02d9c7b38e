#pragma once
// The published protocols on features of labelled images, from features to values. The trained
// network's features alone: of other sources there are no values. Collectives.

#include <string>
#include <vector>

#include "core/values.h"
#include "eval/linear_protocol.h"
#include "measure/inputs.h"

namespace bbg::measure {

// The linear protocol with a run's options, on any features; `what` is for progress.
eval::LinearProtocolResult classify(const Context& context, const std::string& what,
                                    const Labelled& train, const Labelled& test,
                                    const std::vector<at::Tensor>& views);

// Accuracies in [0, 1]: l2_k and l1_k of votes that count once, dino_k of weighted ones.
core::Values knn(Inputs& inputs);
// top1 and top5 in [0, 1], and the rate that was chosen.
core::Values linear_protocol(Inputs& inputs);
// The same from 1 % and from 10 % of the labels: top1_1, top5_1, top1_10, top5_10.
core::Values few_labels(Inputs& inputs);

Bytes knn_memory(const FeatureSizes& sizes);
Bytes linear_protocol_memory(const FeatureSizes& sizes);
// Features of any width that the protocol reads, those of its views, and its classifiers.
int64_t linear_protocol_bytes(const FeatureSizes& sizes, int64_t width);

}  // namespace bbg::measure
