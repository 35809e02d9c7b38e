// Spectral norm of all weights of a network at a time (spectral_norm.h), and the weights as
// convolutions read them: divided by their norm, in another form (Resample in resample.h), of the
// type S, and channels-last. Every block has kThreads threads; sums are taken in an order that
// depends on shapes alone.

constexpr int kTapsOfForm = 16;  // a 3x3 kernel in one with its resampling is 4x4

// The sum over the block of its threads' values, which every thread gets.
template <class A>
__device__ A block_sum(A value) {
  __shared__ A all[kThreads], some[kLanes];
  all[threadIdx.x] = value;
  __syncthreads();
  if (threadIdx.x < kLanes) {
    A sum = 0;
    for (int i = 0; i < kAcross; ++i) sum += all[threadIdx.x + i * kLanes];
    some[threadIdx.x] = sum;
  }
  __syncthreads();
  A total = 0;
  for (int i = 0; i < kLanes; ++i) total += some[i];
  return total;
}

__device__ T larger(T a, T b) { return a > b || a != a ? a : b; }

// ------------------------------------------------------------------------------- power iterations

using Matrix = MatrixEntry<T>;

__device__ int blocks_of(int columns) { return (columns + kThreads - 1) / kThreads; }

// The last matrix whose `first` is not behind `place`.
__device__ const Matrix& matrix_at(const Matrix* all, int count, long long Matrix::*first,
                                   long long place) {
  int low = 0, high = count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (all[middle].*first <= place) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return all[low];
}

// A block a tile. partial: a line of kThreads for each, the columns' sums of u W.
BBG_KERNEL void add_tiles(const Matrix* all, int count, T* partial) {
  const Matrix& matrix = matrix_at(all, count, &Matrix::first_tile, blockIdx.x);
  const int tile = static_cast<int>(blockIdx.x - matrix.first_tile);
  const int across = blocks_of(matrix.columns);
  const int column = tile % across * kThreads + static_cast<int>(threadIdx.x);
  if (column >= matrix.columns) return;
  const int row = tile / across * kRowsOfTile;
  const int end = min(row + kRowsOfTile, matrix.rows);
  T sum = 0;
#pragma unroll 8
  for (int r = row; r < end; ++r) {
    sum += matrix.u[r] * matrix.weight[static_cast<long long>(r) * matrix.columns + column];
  }
  partial[blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x] = sum;
}

// A block for kThreads columns: u W, and in `squares` the block's sum of squares.
BBG_KERNEL void add_columns(const Matrix* all, int count, const T* partial, T* product,
                            T* squares) {
  const long long place = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
  const Matrix& matrix =
      matrix_at(all, count, &Matrix::first_column, blockIdx.x * static_cast<long long>(kThreads));
  const int column = static_cast<int>(place - matrix.first_column);
  const int across = blocks_of(matrix.columns);
  T sum = 0;
  if (column < matrix.columns) {
    const int tiles = (matrix.rows + kRowsOfTile - 1) / kRowsOfTile;
    const T* own = partial + (matrix.first_tile + column / kThreads) * kThreads + threadIdx.x;
#pragma unroll 4
    for (int i = 0; i < tiles; ++i) sum += own[static_cast<long long>(i) * across * kThreads];
    product[place] = sum;
  }
  const T square = block_sum(sum * sum);
  if (threadIdx.x == 0) squares[blockIdx.x] = square;
}

// A block a row: v = n(u W), and the row's part of W v.
BBG_KERNEL void multiply_rows(const Matrix* all, int count, const T* product, const T* squares,
                              T eps, T* v, T* rows) {
  const Matrix& matrix = matrix_at(all, count, &Matrix::first_row, blockIdx.x);
  const int row = static_cast<int>(blockIdx.x - matrix.first_row);
  const int across = blocks_of(matrix.columns);
  T square = 0;
  for (int i = 0; i < across; ++i) square += squares[matrix.first_column / kThreads + i];
  const T norm = larger(sqrt(square), eps);
  const T* weight = matrix.weight + static_cast<long long>(row) * matrix.columns;
  const T* own = product + matrix.first_column;
  T sum = 0;
#pragma unroll 4
  for (int c = static_cast<int>(threadIdx.x); c < matrix.columns; c += kThreads) {
    const T value = own[c] / norm;
    if (row == 0) v[matrix.first_column + c] = value;
    sum += weight[c] * value;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) rows[blockIdx.x] = sum;
}

// A block a matrix: u = n(W v) and sigma = u W v; moves: the matrix's own u becomes the new one.
BBG_KERNEL void finish_iterations(const Matrix* all, const T* rows, T eps, int moves, T* u,
                                  T* sigma) {
  const Matrix& matrix = all[blockIdx.x];
  const T* own = rows + matrix.first_row;
  T square = 0, dot = 0;
  for (int r = static_cast<int>(threadIdx.x); r < matrix.rows; r += kThreads) {
    square += own[r] * own[r];
  }
  const T norm = larger(sqrt(block_sum(square)), eps);
  for (int r = static_cast<int>(threadIdx.x); r < matrix.rows; r += kThreads) {
    const T value = own[r] / norm;
    u[matrix.first_row + r] = value;
    if (moves) matrix.u[r] = value;
    dot += value * own[r];
  }
  dot = block_sum(dot);
  if (threadIdx.x == 0) sigma[blockIdx.x] = dot;
}

// ------------------------------------------------------------------------------ effective weights

// A block has kThreads pairs of channels, of which lanes lie side by side in the effective weight:
// `in` channels, or `out` ones where those are its inner dimension.
struct Tile {
  int outs, ins, first_out, first_in, own_out, own_in, taps, line;
  bool is_used;
  __device__ explicit Tile(const WeightShape& shape) {
    const bool is_turned = shape.form == kUpsampled;
    outs = is_turned ? kLanes : kAcross;
    ins = is_turned ? kAcross : kLanes;
    first_in = static_cast<int>(blockIdx.x) * ins;
    first_out = static_cast<int>(blockIdx.y) * outs;
    const int lane = threadIdx.x % kLanes, across = threadIdx.x / kLanes;
    own_out = is_turned ? lane : across;
    own_in = is_turned ? across : lane;
    is_used = first_out + own_out < shape.out && first_in + own_in < shape.in;
    taps = shape.side * shape.side;
    line = ins * taps + 1;  // one more: neighbours stand in other banks of shared memory
  }
  __device__ int own_place() const { return own_out * line + own_in * taps; }

  // Calls each(place in shared memory, place in the weight) for this thread's part of the tile, in
  // the weight's order.
  template <class Each>
  __device__ void pass_over(const WeightShape& shape, Each each) const {
    const int width = ins * taps, rest = shape.in * taps;
    for (int i = static_cast<int>(threadIdx.x); i < outs * width; i += kThreads) {
      const int out = i / width, place = i % width, column = first_in * taps + place;
      if (first_out + out < shape.out && column < rest) {
        each(out * line + place, static_cast<long long>(first_out + out) * rest + column);
      }
    }
  }
};

constexpr int kTileValues = kThreads * kMaxTaps + kLanes;

// A line of three values and the same one further, added, at x of four.
__device__ T widened(const T* line, int x) {
  return (x < 3 ? line[x] : T(0)) + (x > 0 ? line[x - 1] : T(0));
}

// The sum of `kernel` [3, 3] and itself one further along both dimensions, at [y, x] of [4, 4].
__device__ T shifted(const T* kernel, int y, int x) {
  return (y < 3 ? widened(kernel + 3 * y, x) : T(0)) +
         (y > 0 ? widened(kernel + 3 * (y - 1), x) : T(0));
}

// sigma: null without spectral norm.
BBG_KERNEL void make_effective(const T* weight, const T* sigma, WeightShape shape, S* effective) {
  __shared__ T shared[kTileValues];
  const Tile tile(shape);
  const T norm = sigma ? *sigma : T(1);
  tile.pass_over(shape, [&](int place, long long from) { shared[place] = weight[from] / norm; });
  __syncthreads();
  if (!tile.is_used) return;
  const T* own = shared + tile.own_place();
  const long long out = tile.first_out + tile.own_out, in = tile.first_in + tile.own_in;
  if (shape.form == kAsItIs) {
    for (int t = 0; t < tile.taps; ++t) {
      effective[(out * tile.taps + t) * shape.in + in] = store(own[t]);
    }
    return;
  }
#pragma unroll
  for (int t = 0; t < kTapsOfForm; ++t) {
    if (shape.form == kPooled) {
      effective[(out * kTapsOfForm + t) * shape.in + in] = store(shifted(own, t / 4, t % 4) / 4);
    } else {
      const int turned = kTapsOfForm - 1 - t;  // a transposed convolution runs over it backwards
      effective[(in * kTapsOfForm + t) * shape.out + out] =
          store(shifted(own, turned / 4, turned % 4));
    }
  }
}

// Turns the gradient of the effective weight into that of the divided one. products: for each block
// its sum of gradient times weight; or null.
BBG_KERNEL void fold_gradient(const S* gradient, const T* weight, WeightShape shape, T* folded,
                              T* products) {
  __shared__ T shared[kTileValues];
  const Tile tile(shape);
  if (tile.is_used) {
    T* own = shared + tile.own_place();
    const long long out = tile.first_out + tile.own_out, in = tile.first_in + tile.own_in;
    if (shape.form == kAsItIs) {
      for (int t = 0; t < tile.taps; ++t) {
        own[t] = load(gradient[(out * tile.taps + t) * shape.in + in]);
      }
    } else {
      T of[kTapsOfForm];
#pragma unroll
      for (int t = 0; t < kTapsOfForm; ++t) {
        of[t] = shape.form == kPooled
                    ? load(gradient[(out * kTapsOfForm + t) * shape.in + in]) / 4
                    : load(gradient[(in * kTapsOfForm + kTapsOfForm - 1 - t) * shape.out + out]);
      }
#pragma unroll
      for (int y = 0; y < 3; ++y) {
#pragma unroll
        for (int x = 0; x < 3; ++x) {
          const T* corner = of + 4 * y + x;
          own[3 * y + x] = (corner[0] + corner[1]) + (corner[4] + corner[5]);
        }
      }
    }
  }
  __syncthreads();
  T product = 0;
  tile.pass_over(shape, [&](int place, long long to) {
    folded[to] = shared[place];
    if (products) product += shared[place] * weight[to];
  });
  if (!products) return;
  product = block_sum(product);
  if (threadIdx.x == 0)
    products[blockIdx.y * static_cast<long long>(gridDim.x) + blockIdx.x] = product;
}

// One block.
BBG_KERNEL void add_products(const T* products, long long count, T* total) {
  double sum = 0;
#pragma unroll 4
  for (long long i = threadIdx.x; i < count; i += kThreads) sum += products[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = static_cast<T>(sum);
}

// (g - <g, W / sigma> u v) / sigma in place, g being [rows, columns]; total: <g, W>.
BBG_KERNEL void finish_gradient(T* g, const T* total, const T* sigma, const T* u, const T* v,
                                int columns) {
  const T norm = *sigma, factor = *total / norm * u[blockIdx.y];
  T* row = g + blockIdx.y * static_cast<long long>(columns);
  const long long first = blockIdx.x * 4LL * kThreads + threadIdx.x;
  for (int i = 0; i < 4; ++i) {
    const long long column = first + static_cast<long long>(i) * kThreads;
    if (column < columns) row[column] = (row[column] - factor * v[column]) / norm;
  }
}
