#include "ops/plain_norm.h"

#include <ATen/ATen.h>

#include <vector>

#include "ops/tensor_layout.h"

namespace bbg::ops::plain {

namespace {

std::vector<int64_t> all_but_channels(int64_t dimensions) {
  std::vector<int64_t> reduced;
  for (int64_t i = 0; i < dimensions; ++i) {
    if (i != 1) reduced.push_back(i);
  }
  return reduced;
}

// [C] or [N, C] -> broadcastable over [N, C, ...]
at::Tensor spread(const at::Tensor& values, int64_t dimensions) {
  std::vector<int64_t> shape(static_cast<size_t>(dimensions), 1);
  shape[0] = values.dim() == 2 ? values.size(0) : 1;
  shape[1] = -1;
  return values.view(shape);
}

at::Tensor normalised(const at::Tensor& x, const NormTerms& terms) {
  return (x - spread(terms.mean, x.dim())) * spread(terms.inverse, x.dim());
}

at::Tensor with_affine(const at::Tensor& normed, const NormTerms& terms) {
  at::Tensor y = normed;
  if (terms.gain.defined()) y = y * spread(terms.gain, y.dim());
  if (terms.bias.defined()) y = y + spread(terms.bias, y.dim());
  return y;
}

at::Tensor cut(const at::Tensor& g, const at::Tensor& normed, const NormTerms& terms) {
  return terms.relu ? at::where(with_affine(normed, terms) > 0, g, at::zeros({}, g.options())) : g;
}

at::Tensor over_positions(const at::Tensor& values) {  // [N, C, ...] -> [N, C]
  return values.dim() == 2 ? values : values.flatten(2).sum(2);
}

// [N, C] -> the shape of gain or bias, undefined where that is.
at::Tensor like_term(const at::Tensor& of_samples, const at::Tensor& term) {
  if (!term.defined()) return at::Tensor();
  return term.dim() == 1 ? of_samples.sum(0) : of_samples;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x) {
  const auto [variance, mean] =
      at::var_mean(in_full(x), all_but_channels(x.dim()), /*correction=*/0);
  return {mean, variance};
}

at::Tensor pack_moments(const std::pair<at::Tensor, at::Tensor>& moments, const at::Tensor& x) {
  const auto& [mean, variance] = moments;
  const int64_t of_channel = x.numel() / x.size(1);
  const auto count = static_cast<double>(of_channel);
  return at::cat({mean, variance, at::full({1}, count, mean.options())});
}

NormStatistics merge_moments(const at::Tensor& all, double eps, const RunningStatistics& running) {
  const int64_t channels = all.size(1) / 2;
  const at::Tensor means = all.narrow(1, 0, channels);
  const at::Tensor variances = all.narrow(1, channels, channels);
  const at::Tensor counts = all.narrow(1, 2 * channels, 1);
  at::Tensor mean = means[0], variance = variances[0], count = counts[0][0];
  if (all.size(0) > 1) {
    count = counts.sum();
    mean = (means * counts).sum(0) / count;
    variance = ((variances + (means - mean).square()) * counts).sum(0) / count;
  }
  if (running.mean.defined()) {
    at::Tensor(running.mean).lerp_(mean, running.momentum);
    at::Tensor(running.variance).lerp_(unbiased(variance, count), running.momentum);
  }
  return {mean, variance, (variance + eps).rsqrt(), count};
}

at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms) {
  const at::Tensor y = with_affine(normalised(in_full(x), terms), terms);
  return (terms.relu ? at::relu(y) : y).to(x.scalar_type());
}

std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms) {
  const at::Tensor normed = normalised(in_full(x), terms), behind = cut(in_full(g), normed, terms);
  return {over_positions(behind), over_positions(behind * normed)};
}

NormGradientSums sum_over_samples(const std::pair<at::Tensor, at::Tensor>& of_samples,
                                  const NormTerms& terms) {
  const auto& [of_bias, of_gain] = of_samples;
  at::Tensor sums = at::stack({of_bias, of_gain});
  if (terms.gain.defined()) sums = sums * terms.gain;
  return {.of_gain = like_term(of_gain, terms.gain),
          .of_bias = like_term(of_bias, terms.bias),
          .sums = sums.sum(1)};
}

at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn) {
  const at::Tensor normed = normalised(in_full(x), terms);
  at::Tensor behind = cut(in_full(g), normed, terms);
  if (terms.gain.defined()) behind = behind * spread(terms.gain, x.dim());
  return (spread(terms.inverse, x.dim()) *
          (behind - spread(mean_g, x.dim()) - normed * spread(mean_gn, x.dim())))
      .to(x.scalar_type());
}

at::Tensor unbiased(const at::Tensor& variance, const at::Tensor& count) {
  return variance * (count / (count - 1).clamp_min(1));
}

}  // namespace bbg::ops::plain
