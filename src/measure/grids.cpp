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

constexpr int64_t kGridSamples = 64, kGridReconstructions = 40, kReconstructionColumns = 10;

}  // namespace

core::Image sample_grid(const Context& context, const Subject& subject) {
  return Sampler(context).grid(subject.generator, core::kGridDraw, kGridSamples);
}

core::Image reconstruction_grid(const Context& context, const Images& images,
                                const Subject& subject) {
  const at::NoGradGuard no_grad;
  const int64_t count = std::min(kGridReconstructions, images.test().count);
  const int64_t most = context.setup.evaluate.batch;
  std::vector<core::Image> real, reconstructed, tiles;
  for (int64_t first = 0; first < count; first += most) {
    const core::Batch batch = images.read(images.test(), first, std::min(most, count - first));
    const at::Tensor shown = train::shrink(batch.images, context.setup.model.resolution);
    const at::Tensor made = reconstruct(subject, batch);
    for (int64_t i = 0; i < made.size(0); ++i) {
      real.push_back(to_image(shown[i]));
      reconstructed.push_back(to_image(made[i]));
    }
  }
  for (int64_t row = 0; row < count; row += kReconstructionColumns) {
    const int64_t end = std::min(row + kReconstructionColumns, count);
    tiles.insert(tiles.end(), real.begin() + row, real.begin() + end);
    tiles.insert(tiles.end(), reconstructed.begin() + row, reconstructed.begin() + end);
  }
  return report::make_grid(tiles, kReconstructionColumns, 2);
}

}  // namespace bbg::measure
