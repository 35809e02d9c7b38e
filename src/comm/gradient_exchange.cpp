#include "comm/gradient_exchange.h"

namespace bbg::comm {

GradientExchange::GradientExchange(Communicator& communicator, at::Tensor gradients)
    : communicator_(communicator), gradients_(std::move(gradients)) {}

void GradientExchange::finish() { communicator_.all_reduce(gradients_, Reduce::kMean); }

}  // namespace bbg::comm
