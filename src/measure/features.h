#pragma once
// Features of labelled images by one source: E or D, trained or as they start, or the images' own
// pixels. They are read when first asked for, and read again only where more images are asked for
// than before.

#include <functional>
#include <memory>
#include <optional>

#include "eval/crelu.h"
#include "measure/images.h"
#include "measure/kept_features.h"
#include "measure/needs.h"
#include "measure/subject.h"

namespace bbg::measure {

// The side of the images whose pixels are a source, at most.
inline constexpr int64_t kPixelSide = 32;

struct LabelledSplits {
  Labelled train, test;
};

class Features {
 public:
  // With E, `subject` has its standing statistics already. With eval.keep-features those of a last
  // measurement are kept: each one during training has another network.
  Features(const Context& context, const Images& images, const Subject& subject, Source source,
           bool is_last);
  ~Features();

  // This rank's part of the first images of both splits, as far as those go. A collective.
  LabelledSplits first(int64_t train, int64_t test);
  // This rank's part of the first training images, each seen as `view` > 0 has it; after first(),
  // with as many training images. A collective.
  at::Tensor view(int64_t view, int64_t train);
  // Features of images at E's resolution, [n, d]; after first(). Rank-local.
  at::Tensor of(const at::Tensor& images) const;

 private:
  struct Read {
    int64_t count = 0;
    Labelled part = {};
  };
  void take_network(const Subject& subject, bool is_trained, bool is_kept);
  void read(const Split& split, Read& read);
  // Before CReLU: from the file that an earlier evaluation kept, or of the images.
  Labelled extract(const Split& split, int64_t view) const;
  Labelled part_of(const Read& read, int64_t count) const;

  const Context context_;
  const Images& images_;
  std::unique_ptr<nn::Network> own_;  // a network that only features are read of
  std::function<at::Tensor(const at::Tensor&)> map_;
  bool is_network_;
  std::optional<KeptFeatures> kept_;      // where features are kept
  std::unique_ptr<eval::BnCrelu> crelu_;  // with statistics of the first training features
  Read train_, test_;
};

}  // namespace bbg::measure
