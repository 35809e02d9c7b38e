#include "eval/sliced_distance.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "eval/protocol_seed.h"

namespace bbg::eval {

namespace {

constexpr int64_t kTogether = 100;

// The rows of `rows` that stand in for all: their numbers, in the order in which they were drawn;
// none where all do.
std::optional<std::vector<int64_t>> draw_subset(const SharedRows& rows, int64_t size,
                                                const at::Generator& generator) {
  if (rows.count() == size) return std::nullopt;
  const at::Tensor drawn =
      at::randperm(rows.count(), generator, at::kLong).narrow(0, 0, size).contiguous();
  return std::vector<int64_t>(drawn.data_ptr<int64_t>(), drawn.data_ptr<int64_t>() + size);
}

// [size, directions] projections of the chosen rows of all ranks, each column in ascending order.
at::Tensor sorted_projections(const SharedRows& rows,
                              const std::optional<std::vector<int64_t>>& chosen,
                              const at::Tensor& directions) {
  const SharedRows projected(rows.communicator(), rows.own().matmul(directions.t()));
  std::vector<int64_t> wanted;
  if (chosen) {
    wanted = *chosen;
  } else {
    for (int64_t row = 0; row < rows.count(); ++row) wanted.push_back(row);
  }
  return std::get<0>(projected.gather(wanted).sort(0));
}

}  // namespace

int64_t direction_turns() { return (kDirections + kTogether - 1) / kTogether; }

double sliced_distance(const SharedRows& samples, const SharedRows& real,
                       const std::function<void()>& turn_done) {
  BBG_CHECK(samples.width() == real.width(), "features of one network");
  const int64_t size = std::min(samples.count(), real.count());
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(kProtocolSeed);
  const auto chosen_samples = draw_subset(samples, size, generator);
  const auto chosen_real = draw_subset(real, size, generator);
  at::Tensor directions = at::randn({kDirections, samples.width()}, generator, at::kFloat);
  directions = (directions / directions.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12))
                   .to(samples.own().device());
  double sum = 0;
  for (const at::Tensor& some : directions.split(kTogether)) {
    const at::Tensor difference = sorted_projections(samples, chosen_samples, some) -
                                  sorted_projections(real, chosen_real, some);
    sum += difference.square().sum(at::kDouble).item<double>();
    if (turn_done) turn_done();
  }
  return 3 * static_cast<double>(samples.width()) * sum / static_cast<double>(size * kDirections);
}

}  // namespace bbg::eval
