#include "measure/standing.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "core/draws.h"
#include "measure/sampler.h"

namespace bbg::measure {

namespace {

// Calls `forward` once a pass, to run `network` on a batch of its own.
void take_standing(const Context& context, nn::Network& network,
                   const std::function<void(int64_t pass)>& forward) {
  const at::NoGradGuard no_grad;
  const int64_t passes = context.setup.evaluate.standing_passes;
  context.progress.begin("standing statistics", passes);
  network.begin_standing();
  for (int64_t pass = 0; pass < passes; ++pass) {
    network.begin_substep();
    forward(pass);
    context.progress.batch_done();
  }
  network.finish_standing();
  network.begin_substep();
}

}  // namespace

void make_standing(const Context& context, model::Generator& generator) {
  const comm::Communicator& ranks = context.communicator;
  const int64_t share = std::max<int64_t>(1, context.setup.evaluate.batch / ranks.size());
  const Sampler sampler(context);
  take_standing(context, generator, [&](int64_t pass) {
    sampler.images(generator, core::standing_draw(pass), share * ranks.rank(), share);
  });
}

void make_standing(const Context& context, const Images& images, model::Encoder& encoder) {
  make_standing(context, images, encoder, [&](const at::Tensor& x) { encoder.forward(x); });
}

std::unique_ptr<model::Encoder> make_untrained_encoder(const Context& context,
                                                       const Images& images) {
  auto encoder = std::make_unique<model::Encoder>(context.setup.model, context.backend(),
                                                  static_cast<uint64_t>(context.setup.seed));
  make_standing(context, images, *encoder);
  return encoder;
}

void make_standing(const Context& context, const Images& images, nn::Network& network,
                   const std::function<void(const at::Tensor&)>& forward) {
  const int64_t size = context.communicator.size(), count = images.train().count;
  const int64_t share = std::max<int64_t>(1, std::min(context.setup.evaluate.batch, count) / size);
  take_standing(context, network, [&](int64_t pass) {
    const int64_t start = pass * share * size % std::max<int64_t>(1, count - share * size + 1);
    forward(images.read(images.train(), start + share * context.communicator.rank(), share).images);
  });
}

}  // namespace bbg::measure
