#include "measure/grids.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "core/draws.h"
#include "measure/sampler.h"
#include "report/image_grid.h"
#include "train/step.h"

namespace bbg::measure {

namespace {

constexpr int64_t kBandColumns = 10;

// A row of `images` from `first` on.
void add_row(const std::vector<core::Image>& images, int64_t first, int64_t columns,
             std::vector<core::Image>& tiles) {
  core::Image black = images.front();
  std::fill(black.pixels.begin(), black.pixels.end(), uint8_t{0});
  for (int64_t i = first; i < first + columns; ++i) {
    tiles.push_back(i < std::ssize(images) ? images[static_cast<size_t>(i)] : black);
  }
}

}  // namespace

core::Image bands_grid(const std::vector<std::vector<core::Image>>& bands) {
  const int64_t count = std::ssize(bands.front()), columns = std::min(kBandColumns, count);
  std::vector<core::Image> tiles;
  for (int64_t row = 0; row < count; row += columns) {
    for (const auto& band : bands) add_row(band, row, columns, tiles);
  }
  return report::make_grid(tiles, columns, 2);
}

core::Image sample_grid(const Context& context, const Subject& subject) {
  return Sampler(context).grid(subject.generator, core::kGridDraw,
                               context.setup.report.grid_samples);
}

core::Image reconstruction_grid(const Context& context, const Images& images,
                                const Subject& subject) {
  const at::NoGradGuard no_grad;
  const int64_t count = std::min(context.setup.report.grid_reconstructions, images.test().count);
  const int64_t most = context.setup.evaluate.batch;
  std::vector<core::Image> real, reconstructed;
  for (int64_t first = 0; first < count; first += most) {
    const core::Batch batch = images.read(images.test(), first, std::min(most, count - first));
    const at::Tensor shown = train::shrink(batch.images, context.setup.model.resolution);
    const at::Tensor made = reconstruct(subject, batch);
    for (int64_t i = 0; i < made.size(0); ++i) {
      real.push_back(to_image(shown[i]));
      reconstructed.push_back(to_image(made[i]));
    }
  }
  return bands_grid({real, reconstructed});
}

}  // namespace bbg::measure
