#pragma once
// The state that the layers of one network share while it is built and run: the mode, the ranks for
// cross-replica statistics, the arithmetic of the device, and the list of things to do once per
// sub-step. One context per network; not thread-safe.

#include <functional>
#include <vector>

#include "comm/communicator.h"
#include "nn/parameters.h"
#include "nn/settings.h"
#include "ops/ops.h"

namespace bbg::nn {

enum class Mode {
  kTrain,     // batch statistics, running statistics move
  kEvaluate,  // running statistics
  kStanding,  // batch statistics, summed into standing statistics (docs/choices.md 52)
};

struct Context {
  comm::Communicator& communicator;
  ops::Ops& ops;
  const Settings& settings;
  Mode mode = Mode::kTrain;
  ops::SpectralWeights spectral_weights = {};
  // Effective weights, when next used.
  std::vector<std::function<void()>> renew = {};
  std::vector<std::function<void()>> begin_standing = {}, finish_standing = {};
  std::vector<at::Tensor> statistics = {};  // running means and variances
  bool is_recomputing = false;              // set by Recomputation
};

// While it lives, forwards repeat earlier ones that were made in `mode`: the same arithmetic and
// collectives, but running and standing statistics, which have counted them, stay as they are.
class Recomputation {
 public:
  Recomputation(Context& context, Mode mode)
      : context_(context), mode_(context.mode), was_recomputing_(context.is_recomputing) {
    context.mode = mode;
    context.is_recomputing = true;
  }
  ~Recomputation() {
    context_.mode = mode_;
    context_.is_recomputing = was_recomputing_;
  }
  Recomputation(const Recomputation&) = delete;
  Recomputation& operator=(const Recomputation&) = delete;

 private:
  Context& context_;
  const Mode mode_;
  const bool was_recomputing_;
};

}  // namespace bbg::nn
