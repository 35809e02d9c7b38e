#pragma once
// The structs and constants that host code and kernels share, stated once: the host includes this
// file, and NVRTC gets it pasted before the kernels (sources.cpp.in). It includes nothing, so that
// both can read it. T: the type of the arithmetic; on the host void, for pointers alone.

namespace bbg::ops::layout {

constexpr int kThreads = 256;  // threads of a block, in any kernel

// ------------------------------------------------------------------------------------- norm.cu

// Channels of which one block adds up the sums that the blocks before have left.
constexpr int kChannelsOfBlock = 8;

// The terms of batch norm. gain and bias may be null, for 1 and 0.
template <class T>
struct TermPointers {
  const T *mean, *inverse, *gain, *bias;
  long long gain_stride, bias_stride;  // from one sample to the next: the channels, or 0
  int relu;
};
static_assert(sizeof(TermPointers<void>) == 56, "as on the other side");

// ---------------------------------------------------------------------------------- weights.cu

constexpr int kRowsOfTile = 64;             // rows of a matrix that one block adds up by columns
constexpr int kMaxTaps = 16;                // taps of a convolution's kernel, at most
constexpr int kLanes = 32;                  // neighbours in memory, of what is written
constexpr int kAcross = kThreads / kLanes;  // and channels of the other kind

// One of a list in which each follows the one before it. Its columns begin at a multiple of
// kThreads.
template <class T>
struct MatrixEntry {
  const T* weight;                    // [rows, columns]
  T* u;                               // [rows]
  long long first_row, first_column;  // in the flat vectors of all matrices
  long long first_tile;               // a tile: kRowsOfTile x kThreads
  int rows, columns;
};
static_assert(sizeof(MatrixEntry<void>) == 48, "as on the other side");

// The effective weight beside the weight (Resample).
enum Form { kAsItIs = 0, kPooled = 1, kUpsampled = 2 };

struct WeightShape {
  int out, in, side;  // the weight is [out, in, side, side]
  int form;
};
static_assert(sizeof(WeightShape) == 16, "as on the other side");

}  // namespace bbg::ops::layout
