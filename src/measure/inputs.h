#pragma once
// The things that measures read, made when one first asks for them and shared by those that follow.
// A measurement goes from source to source; what was made of one is freed when the next begins.
// All calls are collectives.

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "eval/frechet.h"
#include "eval/probe.h"
#include "measure/extracted.h"
#include "measure/features.h"

namespace bbg::measure {

class Inputs {
 public:
  // `subject` has its standing statistics. For measures of one need, of a last measurement or of
  // one during training.
  Inputs(const Context& context, const Images& images, const Subject& subject, Need need,
         bool is_last);
  ~Inputs();

  // From now on all inputs are those of this source.
  void begin(Source source);

  const Context& context() const { return context_; }
  const Images& images() const { return images_; }
  const Subject& subject() const { return subject_; }
  Source source() const { return source_; }
  bool is_last() const { return is_last_; }

  // Need::kCoarsePixels. Samples, or eval.reference-images training images, averaged to 8x8, as a
  // normal distribution of C * 64 values; and the same of the test images. All images pass by and
  // none is kept.
  const eval::Gaussian& coarse_pixels();
  const eval::Gaussian& test_pixels();

  // Need::kStages: E, trained or as it starts, with standing statistics.
  model::Encoder& encoder();

  // Need::kFeatures.
  LabelledSplits features(int64_t train, int64_t test);
  // Features of eval.linear-views random views of the first training images; after features() of
  // as many.
  const std::vector<at::Tensor>& views(int64_t train);
  // The linear classifier on these, fitted when it is first asked for.
  const eval::ProbeResult& probe();
  // Features of other images, at E's resolution; after features(). Rank-local.
  at::Tensor features_of(const at::Tensor& images) const { return features_->of(images); }

  // Whether test images can be reconstructed: Need::kReconstructions, asked beside other needs.
  bool reconstructs() const;
  // Calls `visit` with batches of this rank's part of the test images, and with what G makes of
  // their codes, E's means or samples; nothing is kept.
  struct Reconstructed {
    const core::Batch& real;  // at E's resolution
    at::Tensor images, made;  // at G's, [n, C, S, S] in [-1, 1]
  };
  enum class Code { kMean, kSample };
  void visit_reconstructions(const std::function<void(const Reconstructed&)>& visit,
                             Code code = Code::kMean) const;
  // Calls `visit` with codes of this rank's part of eval.samples samples, and with E's codes of
  // these, [n, z_dim].
  void visit_round_trips(
      const std::function<void(const at::Tensor& z, const at::Tensor& found)>& visit) const;

  // Needs that is_extracted() names: the network, the set of the source in its features, and the
  // training images.
  extractor::Extractor& extractor() const { return *extractor_; }
  ExtractedSet& extracted();
  Reference& reference() { return *reference_; }

 private:
  eval::Gaussian coarse(
      const std::string& what, int64_t count,
      const std::function<at::Tensor(int64_t first, int64_t count)>& images) const;
  eval::Gaussian coarse_samples() const;
  eval::Gaussian coarse_images(const Split& split) const;

  const Context context_;
  const Images& images_;
  const Subject subject_;
  const bool is_last_;
  Source source_ = Source::kSamples;
  std::optional<eval::Gaussian> coarse_pixels_, test_pixels_;
  std::unique_ptr<Features> features_;
  std::optional<eval::ProbeResult> probe_;
  std::vector<at::Tensor> views_;
  std::unique_ptr<model::Encoder> untrained_;
  std::unique_ptr<extractor::Extractor> encoder_;  // E as such
  extractor::Extractor* extractor_ = nullptr;      // null where none is needed
  std::optional<Reference> reference_;
  std::optional<ExtractedSet> extracted_;
};

}  // namespace bbg::measure
