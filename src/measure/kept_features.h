#pragma once
// Features of a run's images by one of its networks, kept in the run folder (eval.keep-features) so
// that another evaluation of the same network reads them: an HDF5 file for each split and view with
// `features` [images, d] float32 and `labels` [images] int64, in the order of the data set. A file
// is named by all that its numbers depend on but the number of ranks, which moves last digits.
// All calls are collectives.

#include <optional>
#include <string>

#include "measure/images.h"
#include "nn/network.h"

namespace bbg::measure {

class KeptFeatures {
 public:
  // `network` as it is measured; `part` is what features are read of: "e", "d". Its parameters are
  // read here.
  KeptFeatures(const Context& context, const nn::Network& network, const std::string& part);

  // This rank's part of a split's images; none where no file has as many. A file that cannot be
  // read counts as none.
  std::optional<Labelled> read(const Split& split, int64_t view) const;
  // `own` is this rank's part. A file that cannot be written is told and left out.
  void write(const Split& split, int64_t view, const Labelled& own) const;

 private:
  std::string path_of(const Split& split, int64_t view) const;

  const Context context_;
  uint64_t fingerprint_;
};

}  // namespace bbg::measure
