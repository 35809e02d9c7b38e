// The passes of norm_kernels.h, and what follows a convolution. V: values of a pack, which one
// thread reads at once. A block's threads stand side by side on the packs of a row, and, where a
// row is shorter than the block, on several rows; each thread stays on its channels and walks down
// the rows, so that their terms are read once.
constexpr int V = BBG_WIDTH;

struct alignas(sizeof(S) * V) Pack {
  S v[V];
};

struct Terms {
  const T *mean, *inverse, *gain, *bias;
  long long gain_stride, bias_stride;  // from one sample to the next: the channels, or 0
  int relu;
};

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

// Each block: 8 channels, of which 32 threads a channel add up every 32nd chunk.
BBG_KERNEL void finish_moments(const T* partial, int chunks, const S* first, int channels,
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

BBG_KERNEL void gradient_input(const S* x, const S* g, long long rows, int packs, int tile,
                               long long chunk, Terms terms, const T* mean_g, const T* mean_gn,
                               S* result) {
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

// What follows a convolution, in place: x + bias + skip, then max(x, 0) where relu is set. skip may
// be null; line: 0 where it is of x's size, or the width of x where it is half as high and wide.
BBG_KERNEL void end_convolution(S* x, long long rows, int packs, int tile, long long chunk,
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
