#include "eval/kernel_distance.h"

#include "core/error.h"
#include "eval/protocol_seed.h"
#include "eval/random_state.h"

namespace bbg::eval {

namespace {

at::Tensor kernel(const at::Tensor& x, const at::Tensor& y) {
  return (x.matmul(y.t()) / static_cast<double>(x.size(1)) + 1).pow(3);
}

// The sums over this rank's share of the rows of x: of k(x, x') without the diagonal, of k(y, y')
// likewise, and of k(x, y).
at::Tensor own_sums(const at::Tensor& x, const at::Tensor& y, const comm::Communicator& ranks) {
  const int64_t first = x.size(0) * ranks.rank() / ranks.size();
  const int64_t own = x.size(0) * (ranks.rank() + 1) / ranks.size() - first;
  const auto without_diagonal = [&](const at::Tensor& all) {
    const at::Tensor values = kernel(all.narrow(0, first, own), all);
    return values.sum() - values.diagonal(first).sum();
  };
  return at::stack(
      {without_diagonal(x), without_diagonal(y), kernel(x.narrow(0, first, own), y).sum()});
}

}  // namespace

KernelDistance kernel_distance(const SharedRows& samples, const SharedRows& real,
                               const KernelDistanceOptions& options,
                               const std::function<void()>& subset_done) {
  const int64_t size = options.subset_size;
  BBG_CHECK(size >= 2 && samples.count() >= size && real.count() >= size,
            "both sets are as large as a subset");
  BBG_CHECK(samples.width() == real.width(), "features of one network");
  RandomState random(kProtocolSeed);
  std::vector<at::Tensor> sums;
  for (int64_t subset = 0; subset < options.subsets; ++subset) {
    const at::Tensor x = samples.gather(random.choice(samples.count(), size)).to(at::kDouble);
    const at::Tensor y = real.gather(random.choice(real.count(), size)).to(at::kDouble);
    sums.push_back(own_sums(x, y, samples.communicator()));
    if (subset_done) subset_done();
  }
  at::Tensor all = at::stack(sums);
  samples.communicator().all_reduce(all, comm::Reduce::kSum);
  const auto count = static_cast<double>(size);
  const at::Tensor distances = (all.select(1, 0) + all.select(1, 1)) / (count * (count - 1)) -
                               2 * all.select(1, 2) / (count * count);
  return {distances.mean().item<double>(), distances.std(/*unbiased=*/false).item<double>()};
}

}  // namespace bbg::eval
