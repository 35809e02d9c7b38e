#pragma once
// The things that measures read, made when one first asks for them and shared by those that follow.
// A measurement goes from source to source; what was made of one is freed when the next begins.
// All calls are collectives.

#include <memory>
#include <optional>
#include <vector>

#include "eval/frechet.h"
#include "measure/features.h"

namespace bbg::measure {

class Inputs {
 public:
  // `subject` has its standing statistics.
  Inputs(const Context& context, const Images& images, const Subject& subject);

  // From now on all inputs are those of this source.
  void begin(Source source);

  const Context& context() const { return context_; }
  Source source() const { return source_; }

  // Need::kCoarsePixels. Samples or training images averaged to 8x8; this rank's part,
  // [n_r, C * 64].
  const at::Tensor& coarse_pixels();
  // The same of the test images, as a normal distribution.
  const eval::Gaussian& test_pixels();

  // Need::kFeatures.
  LabelledSplits features(int64_t train, int64_t test);

  // Need::kReconstructions. Batches of this rank's part of the test images, and what G makes of
  // their codes.
  struct Reconstructions {
    std::vector<at::Tensor> images, made;
  };
  const Reconstructions& reconstructions();

 private:
  at::Tensor coarse_samples() const;
  at::Tensor coarse_images(const Split& split) const;

  const Context context_;
  const Images& images_;
  const Subject subject_;
  Source source_ = Source::kSamples;
  at::Tensor coarse_pixels_;
  std::optional<eval::Gaussian> test_pixels_;
  std::unique_ptr<Features> features_;
  std::optional<Reconstructions> reconstructions_;
};

}  // namespace bbg::measure
