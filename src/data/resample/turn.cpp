#include "data/resample/turn.h"

#include <cstring>

namespace bbg::data {

namespace {

constexpr int kSide = 16;  // bytes of a vector, and vectors of a square

using Vector = uint8_t __attribute__((vector_size(kSide)));

#if defined(__clang__)
#define BBG_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define BBG_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Vector{__VA_ARGS__})
#endif

// Four times: what was in the first half goes to the even places, the second half to the odd ones.
// So the four bits of a row's number change places with those of a column's.
inline void turn(Vector (&square)[kSide]) {
  for (int round = 0; round < 4; ++round) {
    Vector next[kSide];
    for (int i = 0; i < kSide / 2; ++i) {
      const Vector a = square[i], b = square[i + kSide / 2];
      next[2 * i] = BBG_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] =
          BBG_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    std::memcpy(square, next, sizeof(square));
  }
}

}  // namespace

void rows_to_columns(const uint8_t* const (&rows)[kTurnRows], int64_t bytes, uint8_t* columns) {
  for (int64_t first = 0; first < kTurnRows; first += kSide) {
    int64_t i = 0;
    while (bytes >= kSide && i < bytes) {
      i = i + kSide <= bytes ? i : bytes - kSide;  // the last lies over the one before
      Vector square[kSide];
      for (int y = 0; y < kSide; ++y) std::memcpy(&square[y], rows[first + y] + i, kSide);
      turn(square);
      for (int x = 0; x < kSide; ++x) {
        std::memcpy(columns + (i + x) * kTurnRows + first, &square[x], kSide);
      }
      i += kSide;
    }
    for (; i < bytes; ++i) {
      for (int y = 0; y < kSide; ++y) columns[i * kTurnRows + first + y] = rows[first + y][i];
    }
  }
}

void columns_to_rows(const uint8_t* columns, int64_t bytes, uint8_t* rows, int64_t stride) {
  for (int64_t first = 0; first < kTurnRows; first += kSide) {
    uint8_t* out = rows + first * stride;
    int64_t i = 0;
    while (bytes >= kSide && i < bytes) {
      i = i + kSide <= bytes ? i : bytes - kSide;
      Vector square[kSide];
      for (int x = 0; x < kSide; ++x) {
        std::memcpy(&square[x], columns + (i + x) * kTurnRows + first, kSide);
      }
      turn(square);
      for (int y = 0; y < kSide; ++y) std::memcpy(out + y * stride + i, &square[y], kSide);
      i += kSide;
    }
    for (; i < bytes; ++i) {
      for (int y = 0; y < kSide; ++y) out[y * stride + i] = columns[i * kTurnRows + first + y];
    }
  }
}

}  // namespace bbg::data
