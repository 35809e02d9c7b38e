#pragma once
// Grids of images for a run's folder: samples, and reconstructions below their images. Rank-local;
// the subject has its standing statistics.

#include <optional>
#include <vector>

#include "core/image.h"
#include "measure/context.h"
#include "measure/images.h"
#include "measure/subject.h"

namespace bbg::measure {

struct Grids {
  std::optional<core::Image> samples;
  std::optional<core::Image> reconstructions;  // real on top, G(E(x)) below
};

// Rows of ten images of the first band, each above the rows of those of the other bands that belong
// to them; the last is filled up with black. As many of each, of one size and number of channels.
core::Image bands_grid(const std::vector<std::vector<core::Image>>& bands);
// The same codes at every step, so that grids over time show one image each growing.
core::Image sample_grid(const Context& context, const Subject& subject);
core::Image reconstruction_grid(const Context& context, const Images& images,
                                const Subject& subject);

}  // namespace bbg::measure
