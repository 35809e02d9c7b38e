#include "model/cuda_kernels.h"

#ifdef BBG_CUDA

#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "model/cuda_program.h"
#include "model/layers.h"

namespace bbg::model::cuda {

namespace {

// S: a value in memory (bfloat16 as its bits), T: the type of the arithmetic, V: values of a pack,
// which one thread reads at once. A block's threads stand side by side on the packs of a row, and,
// where a row is shorter than the block, on several rows; each thread stays on its channels and
// walks down the rows, so that their terms are read once.
constexpr const char* kSource = R"cuda(
using S = BBG_STORED;
using T = BBG_ARITHMETIC;
constexpr int V = BBG_WIDTH;
constexpr bool kIsBfloat16 = sizeof(S) == 2;

struct alignas(sizeof(S) * V) Pack { S v[V]; };

struct Terms {
  const T *mean, *inverse, *gain, *bias;
  long long gain_stride, bias_stride;  // from one sample to the next: the channels, or 0
  int relu;
};

__device__ T load(S stored) {
  if constexpr (kIsBfloat16) {
    return __uint_as_float(static_cast<unsigned>(stored) << 16);
  } else {
    return stored;
  }
}
__device__ S store(T value) {
  if constexpr (kIsBfloat16) {
    unsigned short bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(static_cast<float>(value)));
    return bits;
  } else {
    return value;
  }
}

// Where a thread stands: its pack of channels, its first row, and the rows from one to its next.
struct Place {
  int pack, row, step;
  bool is_used;
  __device__ Place(int packs, int tile)
      : pack(blockIdx.y * tile + threadIdx.x % tile),
        row(threadIdx.x / tile),
        step(blockDim.x / tile),
        is_used(row < step && pack < packs) {}
};

// The block's sums of `sum` and `square` over its rows, per channel, to out[0] and out[stride].
__device__ void add_up(const Place& place, int tile, const T* sum, const T* square, T* out,
                       long long stride) {
  __shared__ T shared[2][256][V];
  for (int v = 0; v < V; ++v) {
    shared[0][threadIdx.x][v] = sum[v];
    shared[1][threadIdx.x][v] = square[v];
  }
  __syncthreads();
  if (!place.is_used || place.row > 0) return;
  for (int k = 0; k < 2; ++k) {
    for (int v = 0; v < V; ++v) {
      T total = 0;
      for (int i = 0; i < place.step; ++i) total += shared[k][threadIdx.x + i * tile][v];
      out[k * stride + place.pack * V + v] = total;
    }
  }
}

// What one thread needs of the terms.
struct Own {
  T mean[V], inverse[V], gain[V], bias[V];
  T low;
  __device__ Own(const Terms& terms, int pack, long long sample) {
    low = terms.relu ? T(0) : -__int_as_float(0x7f800000);
    for (int v = 0; v < V; ++v) {
      const int c = pack * V + v;
      mean[v] = terms.mean[c];
      inverse[v] = terms.inverse[c];
      gain[v] = terms.gain ? terms.gain[sample * terms.gain_stride + c] : T(1);
      bias[v] = terms.bias ? terms.bias[sample * terms.bias_stride + c] : T(0);
    }
  }
  __device__ T normalised(T x, int v) const { return (x - mean[v]) * inverse[v]; }
  __device__ T passed(T n, T g, int v) const { return n * gain[v] + bias[v] > low ? g : T(0); }
};

// partial: [chunks, 2, C], sums of x - shift and of its square, where shift is the first row.
extern "C" __global__ void moments(const S* x, long long rows, int packs, int tile, long long chunk,
                                   T* partial) {
  const Place place(packs, tile);
  T sum[V] = {}, square[V] = {};
  if (place.is_used) {
    const Pack* data = reinterpret_cast<const Pack*>(x) + place.pack;
    const Pack first = data[0];
    const long long end = min(rows, (blockIdx.x + 1) * chunk);
#pragma unroll 4
    for (long long row = blockIdx.x * chunk + place.row; row < end; row += place.step) {
      const Pack pack = data[row * packs];
      for (int v = 0; v < V; ++v) {
        const T d = load(pack.v[v]) - load(first.v[v]);
        sum[v] += d;
        square[v] += d * d;
      }
    }
  }
  const long long channels = static_cast<long long>(packs) * V;
  add_up(place, tile, sum, square, partial + blockIdx.x * 2 * channels, channels);
}

// Each block: 8 channels, of which 32 threads a channel add up every 32nd chunk.
extern "C" __global__ void finish_moments(const T* partial, int chunks, const S* first, int channels,
                                          long long rows, T* mean, T* variance) {
  const int c = blockIdx.x * 8 + threadIdx.x % 8, part = threadIdx.x / 8;
  __shared__ double shared[2][32][8];
  double sum = 0, square = 0;
  if (c < channels) {
#pragma unroll 4
    for (int i = part; i < chunks; i += 32) {
      sum += partial[(2LL * i) * channels + c];
      square += partial[(2LL * i + 1) * channels + c];
    }
  }
  shared[0][part][threadIdx.x % 8] = sum;
  shared[1][part][threadIdx.x % 8] = square;
  __syncthreads();
  if (part > 0 || c >= channels) return;
  for (int i = 1; i < 32; ++i) {
    sum += shared[0][i][threadIdx.x];
    square += shared[1][i][threadIdx.x];
  }
  const double from_shift = sum / rows, spread = square / rows - from_shift * from_shift;
  mean[c] = static_cast<T>(static_cast<double>(load(first[c])) + from_shift);
  variance[c] = static_cast<T>(spread < 0 ? 0.0 : spread);
}

extern "C" __global__ void forward(const S* x, long long rows, int packs, int tile, long long chunk,
                                   Terms terms, S* y) {
  const Place place(packs, tile);
  if (!place.is_used) return;
  const Own own(terms, place.pack, blockIdx.z);
  const long long begin = blockIdx.z * rows * packs + place.pack;
  const Pack* data = reinterpret_cast<const Pack*>(x) + begin;
  Pack* result = reinterpret_cast<Pack*>(y) + begin;
  const long long end = min(rows, (blockIdx.x + 1) * chunk);
#pragma unroll 4
  for (long long row = blockIdx.x * chunk + place.row; row < end; row += place.step) {
    const Pack pack = data[row * packs];
    Pack out;
    for (int v = 0; v < V; ++v) {
      const T value = own.normalised(load(pack.v[v]), v) * own.gain[v] + own.bias[v];
      out.v[v] = store(value < own.low ? own.low : value);  // a NaN passes
    }
    result[row * packs] = out;
  }
}

// partial: [chunks, 2, N, C]
extern "C" __global__ void gradient_sums(const S* x, const S* g, long long rows, int packs, int tile,
                                         long long chunk, Terms terms, T* partial) {
  const Place place(packs, tile);
  T sum[V] = {}, product[V] = {};
  if (place.is_used) {
    const Own own(terms, place.pack, blockIdx.z);
    const long long begin = blockIdx.z * rows * packs + place.pack;
    const Pack* data = reinterpret_cast<const Pack*>(x) + begin;
    const Pack* gradient = reinterpret_cast<const Pack*>(g) + begin;
    const long long end = min(rows, (blockIdx.x + 1) * chunk);
#pragma unroll 4
    for (long long row = blockIdx.x * chunk + place.row; row < end; row += place.step) {
      const Pack pack = data[row * packs], from = gradient[row * packs];
      for (int v = 0; v < V; ++v) {
        const T n = own.normalised(load(pack.v[v]), v), passed = own.passed(n, load(from.v[v]), v);
        sum[v] += passed;
        product[v] += passed * n;
      }
    }
  }
  const long long channels = static_cast<long long>(packs) * V, all = gridDim.z * channels;
  add_up(place, tile, sum, product, partial + blockIdx.x * 2 * all + blockIdx.z * channels, all);
}

extern "C" __global__ void gradient_input(const S* x, const S* g, long long rows, int packs, int tile,
                                          long long chunk, Terms terms, const T* mean_g,
                                          const T* mean_gn, S* result) {
  const Place place(packs, tile);
  if (!place.is_used) return;
  const Own own(terms, place.pack, blockIdx.z);
  T of_g[V], of_gn[V];
  for (int v = 0; v < V; ++v) {
    of_g[v] = mean_g[place.pack * V + v];
    of_gn[v] = mean_gn[place.pack * V + v];
  }
  const long long begin = blockIdx.z * rows * packs + place.pack;
  const Pack* data = reinterpret_cast<const Pack*>(x) + begin;
  const Pack* gradient = reinterpret_cast<const Pack*>(g) + begin;
  Pack* out = reinterpret_cast<Pack*>(result) + begin;
  const long long end = min(rows, (blockIdx.x + 1) * chunk);
#pragma unroll 4
  for (long long row = blockIdx.x * chunk + place.row; row < end; row += place.step) {
    const Pack pack = data[row * packs], from = gradient[row * packs];
    Pack own_out;
    for (int v = 0; v < V; ++v) {
      const T n = own.normalised(load(pack.v[v]), v), passed = own.passed(n, load(from.v[v]), v);
      own_out.v[v] = store(own.inverse[v] * (passed * own.gain[v] - of_g[v] - n * of_gn[v]));
    }
    out[row * packs] = own_out;
  }
}

// In place.
extern "C" __global__ void add_bias(S* x, long long rows, int packs, int tile, long long chunk,
                                    const S* bias) {
  const Place place(packs, tile);
  if (!place.is_used) return;
  T added[V];
  for (int v = 0; v < V; ++v) added[v] = load(bias[place.pack * V + v]);
  Pack* data = reinterpret_cast<Pack*>(x) + place.pack;
  const long long end = min(rows, (blockIdx.x + 1) * chunk);
#pragma unroll 4
  for (long long row = blockIdx.x * chunk + place.row; row < end; row += place.step) {
    Pack pack = data[row * packs];
    for (int v = 0; v < V; ++v) pack.v[v] = store(load(pack.v[v]) + added[v]);
    data[row * packs] = pack;
  }
}
)cuda";

constexpr int kThreads = 256;
// Blocks that keep any GPU of today busy; a fixed number, since sums depend on it.
constexpr int64_t kBlocks = 2048;
constexpr int64_t kBlocksOfMoments = 512;  // fewer sums to be added up at the end
constexpr int64_t kMaxSamples = 65535;     // blocks along the third dimension

at::ScalarType arithmetic_of(at::ScalarType type) {
  return type == at::kBFloat16 ? at::kFloat : type;
}

// How `rows` rows of one sample, or of all, are cut up for the blocks.
struct Cut {
  int packs, tile;
  int64_t tiles, rows, chunks, chunk;

  Cut(int64_t channels, int64_t width, int64_t rows_of_sample, int64_t samples,
      int64_t blocks = kBlocks)
      : packs(static_cast<int>(channels / width)),
        tile(std::min(packs, kThreads)),
        tiles((packs + tile - 1) / tile),
        rows(rows_of_sample) {
    constexpr int64_t kRowsApiece = 8;  // of a thread, at least, where there are so many
    const int64_t most = std::max<int64_t>(1, rows / (kThreads / tile * kRowsApiece));
    chunks = std::clamp<int64_t>(blocks / (samples * tiles), 1, most);
    chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + chunk - 1) / chunk;
  }
};

// As in the source.
struct Terms {
  const void *mean, *inverse, *gain, *bias;
  long long gain_stride, bias_stride;
  int relu;
};

// The terms of a call, kept until it is enqueued.
struct OwnTerms {
  at::Tensor mean, inverse, gain, bias;
  bool relu;

  explicit OwnTerms(const NormTerms& terms)
      : mean(terms.mean.contiguous()),
        inverse(terms.inverse.contiguous()),
        gain(terms.gain.defined() ? terms.gain.contiguous() : terms.gain),
        bias(terms.bias.defined() ? terms.bias.contiguous() : terms.bias),
        relu(terms.relu) {}

  Terms pointers() const {
    const auto stride = [](const at::Tensor& term) {
      return term.defined() && term.dim() == 2 ? term.size(1) : 0;
    };
    const auto data = [](const at::Tensor& term) {
      return term.defined() ? term.const_data_ptr() : nullptr;
    };
    return {data(mean), data(inverse), data(gain), data(bias), stride(gain), stride(bias), relu};
  }
};

int64_t width_of(const at::Tensor& x) {
  const int64_t width = 16 / x.element_size();
  const bool is_aligned = reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
  return x.size(1) % width == 0 && is_aligned ? width : 1;
}

const CudaProgram& program_for(const at::Tensor& x, int64_t width) {
  static std::mutex mutex;
  static std::map<std::tuple<at::ScalarType, int64_t, int>, CudaProgram> programs;
  const std::lock_guard lock(mutex);
  const std::tuple key(x.scalar_type(), width, static_cast<int>(x.device().index()));
  const auto found = programs.find(key);
  if (found != programs.end()) return found->second;
  return programs
      .emplace(std::piecewise_construct, std::forward_as_tuple(key),
               std::forward_as_tuple(
                   kSource, definitions(x.scalar_type(), width),
                   std::vector<std::string>{"moments", "finish_moments", "forward", "gradient_sums",
                                            "gradient_input", "add_bias"},
                   x.device()))
      .first->second;
}

int64_t positions(const at::Tensor& x) { return x.numel() / (x.size(0) * x.size(1)); }

}  // namespace

const char* source() { return kSource; }

std::vector<std::string> definitions(at::ScalarType type, int64_t width) {
  const std::string stored = type == at::kBFloat16 ? "unsigned short"
                             : type == at::kDouble ? "double"
                                                   : "float";
  return {"BBG_STORED=" + stored,
          std::string("BBG_ARITHMETIC=") + (type == at::kDouble ? "double" : "float"),
          "BBG_WIDTH=" + std::to_string(width)};
}

bool has_kernel(const at::Tensor& x) {
  if (!x.is_cuda() || x.numel() == 0 || (x.dim() != 2 && x.dim() != 4) || x.size(0) > kMaxSamples) {
    return false;
  }
  if (x.scalar_type() == at::kBFloat16) {
    int major = 0;
    // Older ones have no instruction for it.
    return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, x.device().index()) ==
               cudaSuccess &&
           major >= 8;
  }
  return x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble;
}

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& input) {
  const c10::cuda::CUDAGuard guard(input.device());
  const at::Tensor x = channels_last(input);
  const int64_t width = width_of(x), channels = x.size(1);
  const CudaProgram& program = program_for(x, width);
  const Cut cut(channels, width, x.size(0) * positions(x), 1, kBlocksOfMoments);
  const at::TensorOptions options = x.options().dtype(arithmetic_of(x.scalar_type()));
  const at::Tensor partial = at::empty({cut.chunks, 2, channels}, options);
  const void *data = x.const_data_ptr(), *sums = partial.const_data_ptr();
  program.launch("moments", {cut.chunks, cut.tiles, 1}, kThreads,
                 {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &sums});
  const at::Tensor mean = at::empty({channels}, options), variance = at::empty_like(mean);
  const void *of_mean = mean.const_data_ptr(), *of_variance = variance.const_data_ptr();
  const int chunks = static_cast<int>(cut.chunks), count = static_cast<int>(channels);
  program.launch("finish_moments", {(channels + 7) / 8, 1, 1}, kThreads,
                 {&sums, &chunks, &data, &count, &cut.rows, &of_mean, &of_variance});
  return {mean, variance};
}

at::Tensor norm_forward(const at::Tensor& input, const NormTerms& given) {
  const c10::cuda::CUDAGuard guard(input.device());
  const at::Tensor x = channels_last(input), y = at::empty_like(x);
  const int64_t width = width_of(x);
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const Terms terms = own.pointers();
  const void *data = x.const_data_ptr(), *result = y.const_data_ptr();
  program_for(x, width).launch(
      "forward", {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &result});
  return y;
}

std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& input,
                                                     const at::Tensor& gradient,
                                                     const NormTerms& given) {
  const c10::cuda::CUDAGuard guard(input.device());
  const at::Tensor x = channels_last(input), g = channels_last(gradient);
  const int64_t width = std::min(width_of(x), width_of(g));
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const Terms terms = own.pointers();
  const at::Tensor partial = at::empty({cut.chunks, 2, x.size(0), x.size(1)},
                                       x.options().dtype(arithmetic_of(x.scalar_type())));
  const void *data = x.const_data_ptr(), *of_y = g.const_data_ptr(),
             *sums = partial.const_data_ptr();
  program_for(x, width).launch(
      "gradient_sums", {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &of_y, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &sums});
  const at::Tensor total = cut.chunks == 1 ? partial[0] : partial.sum(0);
  return {total[0], total[1]};
}

at::Tensor norm_gradient_input(const at::Tensor& input, const at::Tensor& gradient,
                               const NormTerms& given, const at::Tensor& mean_g,
                               const at::Tensor& mean_gn) {
  const c10::cuda::CUDAGuard guard(input.device());
  const at::Tensor x = channels_last(input), g = channels_last(gradient),
                   own_g = mean_g.contiguous(), own_gn = mean_gn.contiguous(),
                   of_x = at::empty_like(x);
  const int64_t width = std::min(width_of(x), width_of(g));
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const Terms terms = own.pointers();
  const void *data = x.const_data_ptr(), *of_y = g.const_data_ptr(), *of_g = own_g.const_data_ptr(),
             *of_gn = own_gn.const_data_ptr(), *result = of_x.const_data_ptr();
  program_for(x, width).launch(
      "gradient_input", {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &of_y, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &of_g, &of_gn, &result});
  return of_x;
}

void add_bias(const at::Tensor& x, const at::Tensor& given) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor bias = given.contiguous();
  const int64_t width = width_of(x);
  const Cut cut(x.size(1), width, x.size(0) * positions(x), 1);
  const void *data = x.const_data_ptr(), *added = bias.const_data_ptr();
  program_for(x, width).launch("add_bias", {cut.chunks, cut.tiles, 1}, kThreads,
                               {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &added});
}

}  // namespace bbg::model::cuda

#else

#include "core/error.h"

namespace bbg::model::cuda {

bool has_kernel(const at::Tensor&) { return false; }

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor&) {
  BBG_CHECK(false, "built without CUDA");
}
at::Tensor norm_forward(const at::Tensor&, const NormTerms&) {
  BBG_CHECK(false, "built without CUDA");
}
std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor&, const at::Tensor&,
                                                     const NormTerms&) {
  BBG_CHECK(false, "built without CUDA");
}
at::Tensor norm_gradient_input(const at::Tensor&, const at::Tensor&, const NormTerms&,
                               const at::Tensor&, const at::Tensor&) {
  BBG_CHECK(false, "built without CUDA");
}
void add_bias(const at::Tensor&, const at::Tensor&) { BBG_CHECK(false, "built without CUDA"); }

}  // namespace bbg::model::cuda

#endif  // BBG_CUDA
