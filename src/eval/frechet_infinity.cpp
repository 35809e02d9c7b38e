#include "eval/frechet_infinity.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "eval/gaussian_sums.h"
#include "eval/protocol_seed.h"
#include "eval/random_state.h"

namespace bbg::eval {

namespace {

Gaussian gaussian_of(const SharedRows& samples, const std::vector<int64_t>& chosen) {
  std::vector<int64_t> own;
  for (const int64_t sample : chosen) {
    const int64_t row = sample - samples.first();
    if (row >= 0 && row < samples.own().size(0)) own.push_back(row);
  }
  GaussianSums sums(samples.width(), samples.own().options());
  sums.add(samples.own().index_select(0, at::tensor(own, at::kLong).to(samples.own().device())));
  return sums.finish(samples.communicator());
}

// The line nearest to the points, by least squares, at x = 0.
double value_at_zero(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return mean_y - xy / xx * mean_x;
}

}  // namespace

double frechet_infinity(const FrechetDistance& distance, const SharedRows& samples,
                        const std::function<void()>& size_done) {
  const int64_t count = samples.count();
  BBG_CHECK(count >= 20, "subsets of differing sizes");
  const int64_t smallest = std::min<int64_t>(5000, std::max<int64_t>(count / 10, 2));
  RandomState random(kProtocolSeed);
  std::vector<double> inverse_sizes, distances;
  for (int64_t i = 0; i < kFrechetSizes; ++i) {
    const int64_t size = smallest + (count - smallest) * i / (kFrechetSizes - 1);
    distances.push_back(distance(gaussian_of(samples, random.choice(count, size))));
    inverse_sizes.push_back(1 / static_cast<double>(size));
    if (size_done) size_done();
  }
  return value_at_zero(inverse_sizes, distances);
}

}  // namespace bbg::eval
