#include "ops/cpu_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "ops/cpu_norm_loops.h"
#include "ops/tensor_layout.h"

namespace bbg::ops::cpu {

namespace {

struct Shape {
  int64_t samples, positions, channels;
  int64_t size() const { return positions * channels; }  // one sample's
};
Shape shape_of(const at::Tensor& x) {
  return {x.size(0), x.numel() / (x.size(0) * x.size(1)), x.size(1)};
}

// The terms as the loops read them.
template <class T>
class ReadTerms {
 public:
  ReadTerms(const NormTerms& terms, int64_t channels)
      : mean_(terms.mean.contiguous()),
        inverse_(terms.inverse.contiguous()),
        gain_(terms.gain.defined() ? terms.gain.contiguous() : at::ones_like(mean_)),
        bias_(terms.bias.defined() ? terms.bias.contiguous() : at::zeros_like(mean_)),
        channels_(channels),
        low_(terms.relu ? T(0) : kNoFloor<T>) {}

  Tile<T> tile() const {
    Tile<T> tile(channels_, kNumTerms);
    tile.fill(kMean, mean_.const_data_ptr<T>());
    tile.fill(kInverse, inverse_.const_data_ptr<T>());
    fill_row(tile, kGain, gain_, 0);
    fill_row(tile, kBias, bias_, 0);
    return tile;
  }
  // Fills in the terms of sample n, where those are its own.
  void turn_to(Tile<T>& tile, int64_t n) const {
    if (gain_.dim() == 2) fill_row(tile, kGain, gain_, n);
    if (bias_.dim() == 2) fill_row(tile, kBias, bias_, n);
  }
  T low() const { return low_; }

 private:
  void fill_row(Tile<T>& tile, int64_t i, const at::Tensor& values, int64_t n) const {
    tile.fill(i, values.const_data_ptr<T>() + (values.dim() == 2 ? n * channels_ : 0));
  }

  at::Tensor mean_, inverse_, gain_, bias_;
  int64_t channels_;
  T low_;
};

// Samples that one thread takes at least, so that small layers stay on one.
int64_t grain(const Shape& shape) {
  return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, shape.size()));
}

template <class S>
std::pair<at::Tensor, at::Tensor> moments_of(const at::Tensor& x) {
  using T = typename ArithmeticOf<S>::Type;
  const Shape shape = shape_of(x);
  const at::Tensor sums = at::zeros({shape.samples, shape.channels}, at::kDouble);
  const at::Tensor squares = at::zeros_like(sums);
  const S* data = x.const_data_ptr<S>();
  // Close enough to the mean.
  const at::Tensor first = at::from_blob(const_cast<S*>(data), {shape.channels}, x.options())
                               .to(c10::CppTypeToScalarType<T>::value);
  at::parallel_for(0, shape.samples, grain(shape), [&](int64_t begin, int64_t end) {
    Tile<T> shift(shape.channels, 1), totals(shape.channels, kNumTotals);
    shift.fill(0, first.const_data_ptr<T>());
    for (int64_t n = begin; n < end; ++n) {
      moments_pass(data + n * shape.size(), shape.size(), shift, totals,
                   sums.data_ptr<double>() + n * shape.channels,
                   squares.data_ptr<double>() + n * shape.channels);
    }
  });
  const double count = static_cast<double>(shape.samples * shape.positions);
  const at::Tensor from_shift = sums.sum(0) / count;
  const at::Tensor variance = (squares.sum(0) / count - from_shift.square()).clamp_min(0);
  return {(first.to(at::kDouble) + from_shift).to(first.scalar_type()),
          variance.to(first.scalar_type())};
}

template <class S>
at::Tensor forward_of(const at::Tensor& x, const NormTerms& terms) {
  at::Tensor y = at::empty_like(x);
  using T = typename ArithmeticOf<S>::Type;
  const Shape shape = shape_of(x);
  const ReadTerms<T> read(terms, shape.channels);
  at::parallel_for(0, shape.samples, grain(shape), [&](int64_t begin, int64_t end) {
    Tile<T> tile = read.tile();
    for (int64_t n = begin; n < end; ++n) {
      read.turn_to(tile, n);
      forward_pass(x.const_data_ptr<S>() + n * shape.size(), shape.size(), tile, read.low(),
                   y.data_ptr<S>() + n * shape.size());
    }
  });
  return y;
}

template <class S>
std::pair<at::Tensor, at::Tensor> sums_of(const at::Tensor& x, const at::Tensor& g,
                                          const NormTerms& terms) {
  using T = typename ArithmeticOf<S>::Type;
  const Shape shape = shape_of(x);
  const at::Tensor sums = at::zeros({shape.samples, shape.channels}, at::kDouble);
  const at::Tensor products = at::zeros_like(sums);
  const ReadTerms<T> read(terms, shape.channels);
  at::parallel_for(0, shape.samples, grain(shape), [&](int64_t begin, int64_t end) {
    Tile<T> tile = read.tile(), totals(shape.channels, kNumTotals);
    for (int64_t n = begin; n < end; ++n) {
      read.turn_to(tile, n);
      sums_pass(x.const_data_ptr<S>() + n * shape.size(), g.const_data_ptr<S>() + n * shape.size(),
                shape.size(), tile, read.low(), totals,
                sums.data_ptr<double>() + n * shape.channels,
                products.data_ptr<double>() + n * shape.channels);
    }
  });
  const at::ScalarType type = c10::CppTypeToScalarType<T>::value;
  return {sums.to(type), products.to(type)};
}

template <class S>
at::Tensor gradient_of(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                       const at::Tensor& mean_g, const at::Tensor& mean_gn) {
  at::Tensor result = at::empty_like(x);
  using T = typename ArithmeticOf<S>::Type;
  const Shape shape = shape_of(x);
  const ReadTerms<T> read(terms, shape.channels);
  at::parallel_for(0, shape.samples, grain(shape), [&](int64_t begin, int64_t end) {
    Tile<T> tile = read.tile();
    tile.fill(kMeanG, mean_g.const_data_ptr<T>());
    tile.fill(kMeanGn, mean_gn.const_data_ptr<T>());
    for (int64_t n = begin; n < end; ++n) {
      read.turn_to(tile, n);
      gradient_pass(x.const_data_ptr<S>() + n * shape.size(),
                    g.const_data_ptr<S>() + n * shape.size(), shape.size(), tile, read.low(),
                    result.data_ptr<S>() + n * shape.size());
    }
  });
  return result;
}

// `work` with a value of the type of x's storage.
template <class Work>
auto with_type(const at::Tensor& x, Work work) {
  if (x.scalar_type() == at::kDouble) return work(double{});
  return x.scalar_type() == at::kFloat ? work(float{}) : work(c10::BFloat16{});
}

}  // namespace

bool has_norm_kernel(const at::Tensor& x) {
  return x.device().is_cpu() &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble ||
          x.scalar_type() == at::kBFloat16) &&
         (x.dim() == 2 || x.dim() == 4) && x.numel() > 0;
}

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x) {
  const at::Tensor data = channels_last(x);
  return with_type(x, [&](auto type) { return moments_of<decltype(type)>(data); });
}

at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms) {
  const at::Tensor data = channels_last(x);
  return with_type(x, [&](auto type) { return forward_of<decltype(type)>(data, terms); });
}

std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms) {
  const at::Tensor data = channels_last(x), gradient = channels_last(g);
  return with_type(x, [&](auto type) { return sums_of<decltype(type)>(data, gradient, terms); });
}

at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn) {
  const at::Tensor data = channels_last(x), gradient = channels_last(g);
  const at::Tensor mean = mean_g.contiguous(), product = mean_gn.contiguous();
  return with_type(x, [&](auto type) {
    return gradient_of<decltype(type)>(data, gradient, terms, mean, product);
  });
}

}  // namespace bbg::ops::cpu
