#include "comm/gradient_exchange.h"

namespace bbg::comm {

GradientExchange::GradientExchange(Communicator& communicator, at::Tensor gradients)
    : communicator_(communicator), gradients_(std::move(gradients)) {}

void GradientExchange::finish() { communicator_.all_reduce(gradients_, Reduce::kMean); }

at::Tensor GradientExchange::norm() {
  at::Tensor norm = gradients_.norm();
  // Hosts that use another number of threads may round it otherwise; rank 0's counts.
  communicator_.broadcast(norm, 0);
  return norm;
}

}  // namespace bbg::comm
