#include "measure/training_neighbours.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "eval/squared_distances.h"
#include "measure/features.h"
#include "train/step.h"

namespace bbg::measure {

namespace {

// Where distances are taken: [n, f] float64.
at::Tensor points_of(const Context& context, const Subject& subject, const at::Tensor& images) {
  const model::ModelOptions& model = context.setup.model;
  if (subject.encoder == nullptr) {
    const int64_t side = std::min(model.resolution, kPixelSide);
    return train::shrink(images, side).flatten(1).to(at::kDouble);
  }
  const int64_t size = model.data_resolution();
  const at::Tensor x = images.size(2) == size
                           ? images
                           : at::upsample_bilinear2d(images, {size, size}, /*align_corners=*/false);
  return subject.encoder->forward(x).feature.to(at::kDouble);
}

// For each point the nearest so far.
struct Nearest {
  at::Tensor distances;  // [n, k] squared, ascending
  at::Tensor numbers;    // [n, k] int64

  Nearest(int64_t count, int64_t k, const at::TensorOptions& options)
      : distances(at::full({count, k}, std::numeric_limits<double>::infinity(),
                           options.dtype(at::kDouble))),
        numbers(at::full({count, k}, -1, options.dtype(at::kLong))) {}

  // Candidates in the order of their numbers, after those before: of equally near ones the first
  // stay, since the sort is stable.
  void add(const at::Tensor& more_distances, const at::Tensor& more_numbers) {
    const int64_t k = distances.size(1);
    const at::Tensor all = at::cat({distances, more_distances}, 1);
    const at::Tensor order = std::get<1>(at::sort(all, /*stable=*/true, 1, /*descending=*/false));
    const at::Tensor first = order.narrow(1, 0, k);
    distances = all.gather(1, first);
    numbers = at::cat({numbers, more_numbers}, 1).gather(1, first);
  }
};

}  // namespace

std::vector<std::vector<int64_t>> nearest_training_images(const Context& context,
                                                          const Images& images,
                                                          const Subject& subject,
                                                          const at::Tensor& of, int64_t k) {
  const at::NoGradGuard no_grad;
  comm::Communicator& ranks = context.communicator;
  const Split& train = images.train();
  const at::Tensor points = points_of(context, subject, of);
  Nearest own(of.size(0), std::min(k, train.count), points.options());
  for_each_batch(
      context, "nearest training images", train.count, [&](int64_t first, int64_t count) {
        at::Tensor batch = images.read(train, first, count).images;
        if (subject.encoder == nullptr) {
          batch = train::shrink(batch, context.setup.model.resolution);
        }
        const at::Tensor there = points_of(context, subject, batch);
        const at::Tensor numbers = at::arange(first, first + count, own.numbers.options());
        own.add(eval::squared_distances(points, there),
                numbers.unsqueeze(0).expand({of.size(0), count}));
      });
  // The parts of the ranks follow each other.
  Nearest all(of.size(0), own.distances.size(1), points.options());
  const auto distances = ranks.all_gather(own.distances.contiguous()).chunk(ranks.size());
  const auto numbers = ranks.all_gather(own.numbers.contiguous()).chunk(ranks.size());
  for (size_t rank = 0; rank < distances.size(); ++rank) all.add(distances[rank], numbers[rank]);
  std::vector<std::vector<int64_t>> result;
  const at::Tensor found = all.numbers.cpu().contiguous();
  for (int64_t i = 0; i < found.size(0); ++i) {
    const int64_t* row = found[i].const_data_ptr<int64_t>();
    result.emplace_back(row, row + found.size(1));
  }
  return result;
}

}  // namespace bbg::measure
