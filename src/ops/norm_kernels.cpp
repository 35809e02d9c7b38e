#include "ops/norm_kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "ops/tensor_layout.h"

// The compiler turns the loops into vectors of the width that the processor has. Sanitizers cannot
// start a program with such dispatch.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define BBG_VECTOR_WIDTHS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BBG_VECTOR_WIDTHS
#endif

namespace bbg::ops {

namespace {

// How values lie in memory, and the type in which they are added and multiplied.
template <class S>
struct Arithmetic {
  using Type = S;
};
template <>
struct Arithmetic<c10::BFloat16> {
  using Type = float;
};
template <class T>
inline __attribute__((always_inline)) T load(const T* x, int64_t i) {
  return x[i];
}
template <class T>
inline __attribute__((always_inline)) void store(T* y, int64_t i, T value) {
  y[i] = value;
}
// The upper half of a float32.
inline __attribute__((always_inline)) float load(const c10::BFloat16* x, int64_t i) {
  return std::bit_cast<float>(static_cast<uint32_t>(x[i].x) << 16);
}
// Rounds to nearest even.
inline __attribute__((always_inline)) void store(c10::BFloat16* y, int64_t i, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  y[i].x = static_cast<uint16_t>(value != value ? 0x7fc0 : rounded);
}

constexpr int64_t kTile = 256;  // values, where a position has fewer channels
// Tiles that are added in the tensor's own type, before the sum goes on in double.
constexpr int64_t kBlock = 64;

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

bool has_kernel(const at::Tensor& x) {
  return x.device().is_cpu() &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble ||
          x.scalar_type() == at::kBFloat16) &&
         (x.dim() == 2 || x.dim() == 4) && x.numel() > 0;
}

struct Shape {
  int64_t samples, positions, channels;
  int64_t size() const { return positions * channels; }  // of one sample
};
Shape shape_of(const at::Tensor& x) {
  return {x.size(0), x.numel() / (x.size(0) * x.size(1)), x.size(1)};
}

// The terms of one sample, each repeated until it is long enough that a loop over it is worth its
// start: the same for every run of `length` values of the sample.
template <class T>
struct Tile {
  Tile(int64_t channels, int64_t num_terms)
      : length(channels * std::max<int64_t>(1, kTile / channels)),
        channels(channels),
        values(static_cast<size_t>(num_terms * length)) {}
  T* term(int64_t i) { return values.data() + i * length; }
  void fill(int64_t i, const T* of_channels) {
    for (int64_t first = 0; first < length; first += channels) {
      std::copy_n(of_channels, channels, term(i) + first);
    }
  }
  // Adds a term's values, channel by channel.
  void add_to(int64_t i, double* of_channels) {
    const T* value = term(i);
    for (int64_t first = 0; first < length; first += channels) {
      for (int64_t c = 0; c < channels; ++c) {
        of_channels[c] += static_cast<double>(value[first + c]);
      }
    }
  }

  int64_t length, channels;
  std::vector<T> values;
};
enum Term { kMean, kInverse, kGain, kBias, kMeanG, kMeanGn, kNumTerms };
enum Total { kSum, kProduct, kNumTotals };

template <class T>
inline constexpr T kNoFloor = -std::numeric_limits<T>::infinity();

// In all of them: what is at most `low`, 0 with ReLU, is cut.
template <class S, class T>
inline __attribute__((always_inline)) void add_moments(const S* x, int64_t count, const T* shift,
                                                       T* __restrict sum, T* __restrict square) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T d = load(x, i) - shift[i];
    sum[i] += d;
    square[i] += d * d;
  }
}

template <class S, class T>
inline __attribute__((always_inline)) void write_forward(const S* x, int64_t count, const T* mean,
                                                         const T* inverse, const T* gain,
                                                         const T* bias, T low, S* __restrict y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T value = (load(x, i) - mean[i]) * inverse[i] * gain[i] + bias[i];
    store(y, i, value < low ? low : value);  // a NaN passes
  }
}

template <class S, class T>
inline __attribute__((always_inline)) void add_gradients(const S* x, const S* g, int64_t count,
                                                         const T* mean, const T* inverse,
                                                         const T* gain, const T* bias, T low,
                                                         T* __restrict sum, T* __restrict product) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T n = (load(x, i) - mean[i]) * inverse[i], gradient = load(g, i);
    const T passed = n * gain[i] + bias[i] > low ? gradient : T(0);
    sum[i] += passed;
    product[i] += passed * n;
  }
}

template <class S, class T>
inline __attribute__((always_inline)) void write_gradient(const S* x, const S* g, int64_t count,
                                                          const T* mean, const T* inverse,
                                                          const T* gain, const T* bias,
                                                          const T* mean_g, const T* mean_gn, T low,
                                                          S* __restrict result) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T n = (load(x, i) - mean[i]) * inverse[i], gradient = load(g, i);
    const T passed = n * gain[i] + bias[i] > low ? gradient : T(0);
    store(result, i, inverse[i] * (passed * gain[i] - mean_g[i] - n * mean_gn[i]));
  }
}

// Multiversioning takes no templates: one function a type and pass, each over `size` values of one
// sample. Sums go on in double every kBlock tiles.
#define BBG_NORM_PASSES(S, T)                                                                     \
  BBG_VECTOR_WIDTHS void moments_pass(const S* x, int64_t size, Tile<T>& shift, Tile<T>& totals,  \
                                      double* sums, double* squares) {                            \
    for (int64_t first = 0, tiles = 0; first < size; first += shift.length) {                     \
      add_moments(x + first, std::min(shift.length, size - first), shift.term(0),                 \
                  totals.term(kSum), totals.term(kProduct));                                      \
      if (++tiles % kBlock == 0 || first + shift.length >= size) flush(totals, sums, squares);    \
    }                                                                                             \
  }                                                                                               \
  BBG_VECTOR_WIDTHS void forward_pass(const S* x, int64_t size, Tile<T>& t, T low, S* y) {        \
    for (int64_t first = 0; first < size; first += t.length) {                                    \
      write_forward(x + first, std::min(t.length, size - first), t.term(kMean), t.term(kInverse), \
                    t.term(kGain), t.term(kBias), low, y + first);                                \
    }                                                                                             \
  }                                                                                               \
  BBG_VECTOR_WIDTHS void sums_pass(const S* x, const S* g, int64_t size, Tile<T>& t, T low,       \
                                   Tile<T>& totals, double* sums, double* products) {             \
    for (int64_t first = 0, tiles = 0; first < size; first += t.length) {                         \
      add_gradients(x + first, g + first, std::min(t.length, size - first), t.term(kMean),        \
                    t.term(kInverse), t.term(kGain), t.term(kBias), low, totals.term(kSum),       \
                    totals.term(kProduct));                                                       \
      if (++tiles % kBlock == 0 || first + t.length >= size) flush(totals, sums, products);       \
    }                                                                                             \
  }                                                                                               \
  BBG_VECTOR_WIDTHS void gradient_pass(const S* x, const S* g, int64_t size, Tile<T>& t, T low,   \
                                       S* result) {                                               \
    for (int64_t first = 0; first < size; first += t.length) {                                    \
      write_gradient(x + first, g + first, std::min(t.length, size - first), t.term(kMean),       \
                     t.term(kInverse), t.term(kGain), t.term(kBias), t.term(kMeanG),              \
                     t.term(kMeanGn), low, result + first);                                       \
    }                                                                                             \
  }

template <class T>
void flush(Tile<T>& totals, double* sums, double* products) {
  totals.add_to(kSum, sums);
  totals.add_to(kProduct, products);
  std::fill(totals.values.begin(), totals.values.end(), T(0));
}

BBG_NORM_PASSES(float, float)
BBG_NORM_PASSES(double, double)
BBG_NORM_PASSES(c10::BFloat16, float)
#undef BBG_NORM_PASSES

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
  // For the next sample, where its terms are its own.
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
  using T = typename Arithmetic<S>::Type;
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
  using T = typename Arithmetic<S>::Type;
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
  using T = typename Arithmetic<S>::Type;
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
  using T = typename Arithmetic<S>::Type;
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

}  // namespace

namespace plain {

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x) {
  const auto [variance, mean] =
      at::var_mean(in_full(x), all_but_channels(x.dim()), /*correction=*/0);
  return {mean, variance};
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

at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn) {
  const at::Tensor normed = normalised(in_full(x), terms);
  at::Tensor behind = cut(in_full(g), normed, terms);
  if (terms.gain.defined()) behind = behind * spread(terms.gain, x.dim());
  return (spread(terms.inverse, x.dim()) *
          (behind - spread(mean_g, x.dim()) - normed * spread(mean_gn, x.dim())))
      .to(x.scalar_type());
}

}  // namespace plain

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x) {
  if (!has_kernel(x)) return plain::channel_moments(x);
  const at::Tensor data = channels_last(x);
  return with_type(x, [&](auto type) { return moments_of<decltype(type)>(data); });
}

at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms) {
  if (!has_kernel(x)) return plain::norm_forward(x, terms);
  const at::Tensor data = channels_last(x);
  return with_type(x, [&](auto type) { return forward_of<decltype(type)>(data, terms); });
}

std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms) {
  if (!has_kernel(x)) return plain::norm_gradient_sums(x, g, terms);
  const at::Tensor data = channels_last(x), gradient = channels_last(g);
  return with_type(x, [&](auto type) { return sums_of<decltype(type)>(data, gradient, terms); });
}

at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn) {
  if (!has_kernel(x)) return plain::norm_gradient_input(x, g, terms, mean_g, mean_gn);
  const at::Tensor data = channels_last(x), gradient = channels_last(g);
  const at::Tensor mean = mean_g.contiguous(), product = mean_gn.contiguous();
  return with_type(x, [&](auto type) {
    return gradient_of<decltype(type)>(data, gradient, terms, mean, product);
  });
}

}  // namespace bbg::ops
