// The passes of gpu_norm.h. V: values of a pack, which one
// thread reads at once. A block's threads stand side by side on the packs of a row, and, where a
// row is shorter than the block, on several rows; each thread stays on its channels and walks down
// the rows, so that their terms are read once.
constexpr int V = BBG_WIDTH;

struct alignas(sizeof(S) * V) Pack {
  S v[V];
};

using Terms = TermPointers<T>;

// The place of a thread: its pack of channels, its first row, and the rows from one to its next.
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
  __shared__ T shared[2][kThreads][V];
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

// The terms of one thread's channels.
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
BBG_KERNEL void moments(const S* x, long long rows, int packs, int tile, long long chunk,
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

// Each block: kChannelsOfBlock channels, and kParts threads a channel share the work.
constexpr int kParts = kThreads / kChannelsOfBlock;

struct Share {
  int channel, part, place;
  __device__ Share()
      : channel(blockIdx.x * kChannelsOfBlock + threadIdx.x % kChannelsOfBlock),
        part(threadIdx.x / kChannelsOfBlock),
        place(threadIdx.x % kChannelsOfBlock) {}
};

// The sum of the parts' values, in their order; part 0 gets it.
__device__ double part_sum(const Share& share, double value) {
  __shared__ double shared[kParts][kChannelsOfBlock];
  __syncthreads();  // behind the sum before
  shared[share.part][share.place] = value;
  __syncthreads();
  if (share.part > 0) return 0;
  for (int i = 1; i < kParts; ++i) value += shared[i][share.place];
  return value;
}

// packed: [2C + 1], mean, variance and count of these rows.
BBG_KERNEL void finish_moments(const T* partial, int chunks, const S* first, int channels,
                               long long rows, T* packed) {
  const Share share;
  const int c = share.channel;
  double sum = 0, square = 0;
  if (c < channels) {
#pragma unroll 4
    for (int i = share.part; i < chunks; i += kParts) {
      sum += partial[(2LL * i) * channels + c];
      square += partial[(2LL * i + 1) * channels + c];
    }
  }
  sum = part_sum(share, sum);
  square = part_sum(share, square);
  if (share.part > 0 || c >= channels) return;
  const double from_shift = sum / rows, spread = square / rows - from_shift * from_shift;
  packed[c] = static_cast<T>(static_cast<double>(load(first[c])) + from_shift);
  packed[channels + c] = static_cast<T>(spread < 0 ? 0.0 : spread);
  if (c == 0) packed[2 * channels] = static_cast<T>(rows);
}

__device__ T lerped(T from, T to, T weight) { return from + weight * (to - from); }

// all: [ranks, 2C + 1], the results of finish_moments() of each rank. merged: [3C + 1], mean,
// variance, 1 / sqrt(variance + eps) and count over all ranks. The running statistics move by
// momentum, the variance's to the unbiased one; or are null.
BBG_KERNEL void merge_moments(const T* all, int ranks, int channels, T eps, T momentum,
                              T* running_mean, T* running_variance, T* merged) {
  const int c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  const int line = 2 * channels + 1;
  T mean = all[c], variance = all[channels + c], count = all[2 * channels];
  if (ranks > 1) {
    T sum = 0, m2 = 0;
    count = 0;
    for (int r = 0; r < ranks; ++r) {
      const T* own = all + static_cast<long long>(r) * line;
      count += own[2 * channels];
      sum += own[c] * own[2 * channels];
    }
    mean = sum / count;
    for (int r = 0; r < ranks; ++r) {
      const T* own = all + static_cast<long long>(r) * line;
      const T d = own[c] - mean;
      m2 += (own[channels + c] + d * d) * own[2 * channels];
    }
    variance = m2 / count;
  }
  merged[c] = mean;
  merged[channels + c] = variance;
  merged[2 * channels + c] = T(1) / sqrt(variance + eps);
  if (c == 0) merged[3 * channels] = count;
  if (!running_mean) return;
  const T unbiased = variance * (count / (count > 2 ? count - 1 : T(1)));
  running_mean[c] = lerped(running_mean[c], mean, momentum);
  running_variance[c] = lerped(running_variance[c], unbiased, momentum);
}

BBG_KERNEL void forward(const S* x, long long rows, int packs, int tile, long long chunk,
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
BBG_KERNEL void gradient_sums(const S* x, const S* g, long long rows, int packs, int tile,
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

// partial: [chunks, 2, N, C] of gradient_sums(). sums: [2, C], over the samples too, times gain.
// of_gain and of_bias, the terms' own gradients, are [N, C], or [C] where their stride is 0, or
// null.
BBG_KERNEL void finish_gradient_sums(const T* partial, int chunks, int samples, int channels,
                                     Terms terms, T* of_gain, T* of_bias, T* sums) {
  const Share share;
  const int c = share.channel;
  const long long all = static_cast<long long>(samples) * channels;
  double bias = 0, gain = 0, sum = 0, product = 0;
  if (c < channels) {
    for (int n = share.part; n < samples; n += kParts) {
      const long long at = static_cast<long long>(n) * channels + c;
      T own = 0, own_product = 0;
#pragma unroll 4
      for (int i = 0; i < chunks; ++i) {
        own += partial[2LL * i * all + at];
        own_product += partial[(2LL * i + 1) * all + at];
      }
      if (of_bias && terms.bias_stride) of_bias[at] = own;
      if (of_gain && terms.gain_stride) of_gain[at] = own_product;
      const T weight = terms.gain ? terms.gain[n * terms.gain_stride + c] : T(1);
      bias += own;
      gain += own_product;
      sum += weight * own;
      product += weight * own_product;
    }
  }
  bias = part_sum(share, bias);
  gain = part_sum(share, gain);
  sum = part_sum(share, sum);
  product = part_sum(share, product);
  if (share.part > 0 || c >= channels) return;
  sums[c] = static_cast<T>(sum);
  sums[channels + c] = static_cast<T>(product);
  if (of_bias && !terms.bias_stride) of_bias[c] = static_cast<T>(bias);
  if (of_gain && !terms.gain_stride) of_gain[c] = static_cast<T>(gain);
}

// sums: as above, over all ranks; count: of their samples and positions.
BBG_KERNEL void gradient_input(const S* x, const S* g, long long rows, int packs, int tile,
                               long long chunk, Terms terms, const T* sums, const T* count,
                               S* result) {
  const Place place(packs, tile);
  if (!place.is_used) return;
  const Own own(terms, place.pack, blockIdx.z);
  T of_g[V], of_gn[V];
  for (int v = 0; v < V; ++v) {
    of_g[v] = sums[place.pack * V + v] / *count;
    of_gn[v] = sums[(packs + place.pack) * V + v] / *count;
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

// Bias and epilogue of a convolution, in place: x + bias + skip, then max(x, 0) where relu is set.
// skip may be null; line: 0 where it is of x's size, or the width of x where it is half as high and
// wide.
BBG_KERNEL void add_epilogue(S* x, long long rows, int packs, int tile, long long chunk,
                             const S* bias, const S* skip, int line, int relu) {
  const Place place(packs, tile);
  if (!place.is_used) return;
  T added[V];
  for (int v = 0; v < V; ++v) added[v] = load(bias[place.pack * V + v]);
  const T low = relu ? T(0) : -__int_as_float(0x7f800000);
  Pack* data = reinterpret_cast<Pack*>(x) + place.pack;
  const Pack* other = reinterpret_cast<const Pack*>(skip) + place.pack;
  const long long end = min(rows, (blockIdx.x + 1) * chunk);
#pragma unroll 4
  for (long long row = blockIdx.x * chunk + place.row; row < end; row += place.step) {
    Pack pack = data[row * packs];
    Pack beside = {};
    if (skip) {
      const long long from = line ? row / line / 2 * (line / 2) + row % line / 2 : row;
      beside = other[from * packs];
    }
    for (int v = 0; v < V; ++v) {
      const T value = load(pack.v[v]) + added[v] + load(beside.v[v]);
      pack.v[v] = store(value < low ? low : value);  // a NaN passes
    }
    data[row * packs] = pack;
  }
}
