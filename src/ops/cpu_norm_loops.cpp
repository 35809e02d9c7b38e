#include "ops/cpu_norm_loops.h"

#include <bit>

// The compiler turns the loops into vectors of the width that the processor has. Sanitizers cannot
// start a program with such dispatch.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define BBG_VECTOR_WIDTHS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BBG_VECTOR_WIDTHS
#endif

namespace bbg::ops::cpu {

namespace {

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

// Tiles that are added in the tensor's own type, before the sum goes on in double.
constexpr int64_t kBlock = 64;

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

template <class T>
void flush(Tile<T>& totals, double* sums, double* products) {
  totals.add_to(kSum, sums);
  totals.add_to(kProduct, products);
  std::fill(totals.values.begin(), totals.values.end(), T(0));
}

}  // namespace

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

BBG_NORM_PASSES(float, float)
BBG_NORM_PASSES(double, double)
BBG_NORM_PASSES(c10::BFloat16, float)
#undef BBG_NORM_PASSES

}  // namespace bbg::ops::cpu
