#pragma once
// Features of samples and of real images by a network that measures them, made when a measure first
// asks for them. Images come to the network as bytes at G's resolution, grey ones as three equal
// colours. Other calls than extract() are collectives.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "eval/frechet.h"
#include "eval/manifold.h"
#include "eval/shared_rows.h"
#include "extractor/extractor.h"
#include "measure/images.h"
#include "measure/needs.h"
#include "measure/subject.h"

namespace bbg::measure {

// Features, and logits where there are any, of images [n, C, S, S] in [-1, 1]. Rank-local.
extractor::Extracted extract(extractor::Extractor& extractor, const at::Tensor& images);

// The training images, against which sets are held.
class Reference {
 public:
  // `given_statistics`: a file whose mean and covariance stand for the training images in
  // distances; empty: none.
  Reference(const Context& context, const Images& images, extractor::Extractor& extractor,
            std::string given_statistics)
      : context_(context),
        images_(images),
        extractor_(extractor),
        given_statistics_(std::move(given_statistics)) {}

  // Features of the first eval.kept-images.
  const eval::SharedRows& rows();
  // Distances to the normal distribution of all of them, or of the first eval.reference-images.
  // Read from the file of an earlier evaluation of the same images by the same network, if there
  // is one; else written there. An extractor without a fingerprint keeps nothing, and reads the
  // first eval.kept-images alone. UsageError on all ranks: given statistics are gone.
  const eval::FrechetDistance& distance();

 private:
  Split split() const;
  std::string statistics_path() const;  // empty: nothing is kept
  std::optional<eval::Gaussian> read_file(const std::string& path) const;
  eval::Gaussian read_all();

  const Context context_;
  const Images& images_;
  extractor::Extractor& extractor_;
  const std::string given_statistics_;
  std::optional<eval::SharedRows> rows_;
  std::optional<eval::FrechetDistance> distance_;
};

// The set of one source: samples, or test images.
class ExtractedSet {
 public:
  ExtractedSet(const Context& context, const Images& images, const Subject& subject,
               extractor::Extractor& extractor, Source source);

  const eval::SharedRows& features() const { return *features_; }
  // Only where the network has logits.
  const eval::SharedRows& logits() const { return *logits_; }
  // Its first eval.kept-images among the reference's, by the protocol of torch-fidelity (k = 3),
  // then by that of prdc (k = 5).
  const std::vector<eval::Manifold>& manifolds(Reference& reference);

 private:
  const Context context_;
  std::optional<eval::SharedRows> features_, logits_;
  std::vector<eval::Manifold> manifolds_;
};

}  // namespace bbg::measure
