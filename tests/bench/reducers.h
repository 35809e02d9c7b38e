#pragma once
// PyTorch's reducers of the networks of a state, in place of its own exchange: the communicator
// that the state was built with leaves its gradients out.

#include <memory>

#include "bench/timed_communicator.h"
#include "support/c10d_reducer.h"
#include "train/train_state.h"

namespace bbg::bench {

class Reducers {
 public:
  Reducers(train::TrainState& state, TimedCommunicator& communicator,
           size_t first_bucket_bytes = c10d::kDefaultFirstBucketBytes,
           size_t bucket_bytes = c10d::kDefaultBucketBytesCap)
      : ranks_(state.g.arena.values().device()) {
    const auto take = [&](train::Trained& trained, const nn::Network& network) {
      communicator.leave_out(trained.arena.gradients());
      return std::make_unique<testing::DdpReducer>(ranks_, network.parameter_tensors(),
                                                   first_bucket_bytes, bucket_bytes);
    };
    g_ = take(state.g, *state.nets.generator);
    if (state.e) e_ = take(*state.e, *state.nets.encoder);
    if (state.d) d_ = take(*state.d, *state.nets.discriminator);
  }
  // Before the update of that kind.
  void prepare_discriminator() { d_->prepare(); }
  void prepare_generator_encoder() {
    g_->prepare();
    if (e_) e_->prepare();
  }
  double seconds() const { return ranks_.seconds(); }  // spent in collectives so far

 private:
  testing::C10dRanks ranks_;
  std::unique_ptr<testing::DdpReducer> g_, e_, d_;
};

}  // namespace bbg::bench
