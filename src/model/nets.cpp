#include "model/nets.h"

namespace bbg::model {

Nets make_nets(const ModelOptions& options, comm::Communicator& communicator, uint64_t seed,
               at::TensorOptions tensor_options) {
  options.check();
  return {.generator = make_generator(options, communicator, seed, tensor_options),
          .encoder = options.has_encoder()
                         ? std::make_unique<Encoder>(options, communicator, seed, tensor_options)
                         : nullptr,
          .discriminator =
              options.has_discriminator()
                  ? std::make_unique<Discriminator>(options, communicator, seed, tensor_options)
                  : nullptr};
}

}  // namespace bbg::model
