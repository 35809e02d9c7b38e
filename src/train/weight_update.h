#pragma once
// From a network's gradients to its new weights.

#include "comm/communicator.h"
#include "nn/network.h"
#include "train/train_options.h"
#include "train/trained.h"

namespace bbg::train {

// Averages the gradients over ranks, clips them (docs/choices.md 70), adds those of weight decay,
// and with `orthogonal` > 0 those of orthogonal regularisation (50), and makes Adam's step. A
// collective.
void update_weights(Trained& trained, const nn::Network& network, const TrainOptions& options,
                    double orthogonal, comm::Communicator& ranks);

}  // namespace bbg::train
