#include "train/trained.h"

namespace bbg::train {

Trained::Trained(nn::Network& network, const TrainOptions& options,
                 comm::Communicator& communicator, comm::ReductionQueue& queue)
    : arena(network.store().parameters(), /*has_gradients=*/true, queue.unit(),
            [&](int64_t elements, const at::TensorOptions& tensor_options) {
              return queue.zeros(elements, tensor_options);
            }),
      exchange(communicator, queue, arena.gradients(), arena.places()),
      adam(exchange.own_shards(arena.values()), exchange.own_shards(arena.gradients()),
           {options.beta1, options.beta2, options.adam_eps}) {}

void Trained::step() {
  adam.step();
  exchange.all_gather_parameters(arena.values());
}

at::Tensor Trained::whole(const at::Tensor& moment) {
  if (!exchange.is_sharded()) return moment;
  at::Tensor flat = arena.like();
  const std::vector<at::Tensor> own = exchange.own_shards(flat), parts = adam.parts(moment);
  for (size_t i = 0; i < own.size(); ++i) own[i].copy_(parts[i]);
  exchange.all_gather_parameters(flat);
  return flat;
}

void Trained::take_owned(const at::Tensor& flat, at::Tensor moment) {
  moment.copy_(at::cat(exchange.own_shards(flat)));
}

}  // namespace bbg::train
