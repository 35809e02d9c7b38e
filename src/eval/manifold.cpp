#include "eval/manifold.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "eval/squared_distances.h"

namespace bbg::eval {

namespace {

using BlockDone = std::function<void()>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Own rows of `rows` in float64, block by block, as pairs with the place of each one's first.
void for_each_own_block(const SharedRows& rows,
                        const std::function<void(const at::Tensor& x, int64_t first)>& visit) {
  constexpr int64_t kRows = 1024;
  for (int64_t first = 0; first < rows.own().size(0); first += kRows) {
    const int64_t count = std::min(kRows, rows.own().size(0) - first);
    visit(rows.own().narrow(0, first, count).to(at::kDouble), first);
  }
}

// [n_r, k] of the own rows: squared distances to the k nearest others, ascending.
at::Tensor nearest_distances(const SharedRows& rows, int64_t k, const BlockDone& block_done) {
  at::Tensor nearest =
      at::full({rows.own().size(0), k}, kInfinity, rows.own().options().dtype(at::kDouble));
  rows.visit_blocks([&](const at::Tensor& block, int64_t block_first) {
    const at::Tensor y = block.to(at::kDouble);
    for_each_own_block(rows, [&](const at::Tensor& x, int64_t first) {
      at::Tensor distances = squared_distances(x, y);
      // Row i is column i + offset: itself.
      const int64_t offset = rows.first() + first - block_first;
      if (offset > -x.size(0) && offset < y.size(0)) distances.diagonal(offset).fill_(kInfinity);
      at::Tensor known = nearest.narrow(0, first, x.size(0));
      known.copy_(std::get<0>(at::cat({known, distances}, 1).topk(k, 1, /*largest=*/false)));
    });
    if (block_done) block_done();
  });
  return nearest;
}

at::Tensor is_inside(const at::Tensor& distances, const at::Tensor& radii, bool is_edge_inside) {
  return is_edge_inside ? distances.le(radii) : distances.lt(radii);
}

// Own points among the balls of another set.
struct Found {
  at::Tensor balls;    // [options, n_r] that hold each point
  at::Tensor nearest;  // [n_r] squared distance to the nearest centre
};

Found find_in_balls(const SharedRows& points, const SharedRows& centres,
                    const SharedRows& centre_radii, const std::vector<ManifoldOptions>& options,
                    const BlockDone& block_done) {
  const at::TensorOptions wide = points.own().options().dtype(at::kDouble);
  const int64_t own = points.own().size(0), choices = std::ssize(options);
  Found found{at::zeros({choices, own}, wide), at::full({own}, kInfinity, wide)};
  // Radii travel in step with the rows that they belong to.
  std::vector<at::Tensor> radii;
  centre_radii.visit_blocks([&](const at::Tensor& block, int64_t) { radii.push_back(block); });
  size_t index = 0;
  centres.visit_blocks([&](const at::Tensor& block, int64_t) {
    const at::Tensor y = block.to(at::kDouble), own_radii = radii[index++];
    for_each_own_block(points, [&](const at::Tensor& x, int64_t first) {
      const at::Tensor distances = squared_distances(x, y);
      at::Tensor nearest = found.nearest.narrow(0, first, x.size(0));
      nearest.copy_(at::minimum(nearest, distances.amin(1)));
      for (int64_t i = 0; i < choices; ++i) {
        const ManifoldOptions& option = options[static_cast<size_t>(i)];
        found.balls[i].narrow(0, first, x.size(0)) +=
            is_inside(distances, own_radii.select(1, option.k - 1), option.is_edge_inside).sum(1);
      }
    });
    if (block_done) block_done();
  });
  return found;
}

}  // namespace

int64_t manifold_blocks(const SharedRows& samples, const SharedRows& real) {
  return 2 * (samples.num_blocks() + real.num_blocks());
}

std::vector<Manifold> manifolds(const SharedRows& samples, const SharedRows& real,
                                const std::vector<ManifoldOptions>& options,
                                const std::function<void()>& block_done) {
  comm::Communicator& ranks = samples.communicator();
  int64_t k = 1;
  for (const ManifoldOptions& option : options) k = std::max(k, option.k);
  BBG_CHECK(samples.count() > k && real.count() > k, "a k-th neighbour for each point");
  const SharedRows real_radii(ranks, nearest_distances(real, k, block_done));
  const SharedRows sample_radii(ranks, nearest_distances(samples, k, block_done));
  const Found of_samples = find_in_balls(samples, real, real_radii, options, block_done);
  const Found of_real = find_in_balls(real, samples, sample_radii, options, block_done);

  std::vector<Manifold> results;
  for (size_t i = 0; i < options.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const at::Tensor radii = real_radii.own().select(1, options[i].k - 1);
    at::Tensor sums =
        at::stack({of_samples.balls[row].gt(0).sum(), of_real.balls[row].gt(0).sum(),
                   of_samples.balls[row].sum(),
                   is_inside(of_real.nearest, radii, options[i].is_edge_inside).sum()});
    sums = sums.to(at::kDouble);
    ranks.all_reduce(sums, comm::Reduce::kSum);
    sums = sums.cpu();
    const auto num_samples = static_cast<double>(samples.count());
    const auto num_real = static_cast<double>(real.count());
    results.push_back(
        {.precision = sums[0].item<double>() / num_samples,
         .recall = sums[1].item<double>() / num_real,
         .density = sums[2].item<double>() / num_samples / static_cast<double>(options[i].k),
         .coverage = sums[3].item<double>() / num_real});
  }
  return results;
}

}  // namespace bbg::eval
