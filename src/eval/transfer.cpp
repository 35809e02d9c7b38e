#include "eval/transfer.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/rng.h"

namespace bbg::eval {

double transfer_rate(const TransferOptions& options, int64_t step) {
  // In whole numbers: 9 step / (2 steps).
  const int64_t falls = 9 * step / (2 * options.steps);
  return options.rate * std::pow(0.1, static_cast<double>(falls));
}

MomentumSgd::MomentumSgd(at::Tensor values, at::Tensor gradients, std::vector<Decayed> decayed,
                         double momentum, double weight_decay)
    : values_(std::move(values)),
      gradients_(std::move(gradients)),
      velocity_(at::zeros_like(values_)),
      decayed_(std::move(decayed)),
      momentum_(momentum),
      weight_decay_(weight_decay) {}

void MomentumSgd::step(double rate) {
  const at::NoGradGuard no_grad;
  for (Decayed& one : decayed_) one.gradients.add_(one.values, weight_decay_);
  velocity_.mul_(momentum_).add_(gradients_);
  values_.sub_(velocity_, rate);
}

at::Tensor dropout(uint64_t seed, int64_t draw, int64_t first, int64_t count, int64_t width) {
  at::Tensor factors = at::empty({count, width}, at::kFloat);
  float* const values = factors.mutable_data_ptr<float>();
  constexpr int64_t kBits = 32, kRowsApiece = 8;
  at::parallel_for(0, count, kRowsApiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      core::RandomStream random(seed ^ core::hash_name("dropout"), core::Purpose::kEvaluate,
                                static_cast<uint64_t>(draw), static_cast<uint64_t>(first + row));
      for (int64_t from = 0; from < width; from += kBits) {
        const uint32_t bits = random.next_uint32();
        for (int64_t i = from; i < std::min(width, from + kBits); ++i) {
          values[row * width + i] = bits >> (i - from) & 1 ? 2.F : 0.F;
        }
      }
    }
  });
  return factors;
}

}  // namespace bbg::eval
