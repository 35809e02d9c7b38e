#include "eval/neighbours.h"

#include "eval/knn.h"

namespace bbg::eval {

double nearest_neighbour_accuracy(comm::Communicator& communicator,
                                  const at::Tensor& train_features, const at::Tensor& train_labels,
                                  const at::Tensor& test_features, const at::Tensor& test_labels,
                                  int64_t k, const PassDone& pass_done) {
  return knn_accuracies(communicator, {train_features, train_labels}, {test_features, test_labels},
                        {.k = {k}, .distance = Distance::kL2}, pass_done)[0];
}

}  // namespace bbg::eval
