#include "image/resample/turn.h"

#include <cstring>

#include "image/byte_vector.h"

namespace bbg::image {

namespace {

constexpr int kSide = kTurnRows;  // bytes of a vector, and vectors of a square

// Four times: what was in the first half goes to the even places, the second half to the odd ones.
// So the four bits of a row's number change places with those of a column's.
inline void turn(ByteVector (&square)[kSide]) {
  for (int round = 0; round < 4; ++round) {
    ByteVector next[kSide];
    for (int i = 0; i < kSide / 2; ++i) {
      const ByteVector a = square[i], b = square[i + kSide / 2];
      next[2 * i] = BBG_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] =
          BBG_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    std::memcpy(square, next, sizeof(square));
  }
}

// Calls square(i) for the places of kSide bytes that cover a line, of which the last lies over the
// one before, and byte(i) for each of a line that is shorter.
template <class Square, class Byte>
void for_places(int64_t bytes, const Square& square, const Byte& byte) {
  if (bytes < kSide) {
    for (int64_t i = 0; i < bytes; ++i) byte(i);
    return;
  }
  for (int64_t i = 0; i + kSide <= bytes; i += kSide) square(i);
  if (bytes % kSide != 0) square(bytes - kSide);
}

}  // namespace

void rows_to_columns(std::span<const uint8_t* const> rows, int64_t bytes, uint8_t* columns) {
  const int64_t count = std::ssize(rows);
  for (int64_t first = 0; first < count; first += kSide) {
    const uint8_t* const* in = rows.data() + first;
    const auto square = [&](int64_t i) {
      ByteVector vectors[kSide];
      for (int y = 0; y < kSide; ++y) std::memcpy(&vectors[y], in[y] + i, kSide);
      turn(vectors);
      for (int x = 0; x < kSide; ++x) {
        std::memcpy(columns + (i + x) * count + first, &vectors[x], kSide);
      }
    };
    for_places(bytes, square, [&](int64_t i) {
      for (int y = 0; y < kSide; ++y) columns[i * count + first + y] = in[y][i];
    });
  }
}

void columns_to_rows(const uint8_t* columns, int64_t count, int64_t bytes, uint8_t* rows,
                     int64_t stride) {
  for (int64_t first = 0; first < count; first += kSide) {
    uint8_t* out = rows + first * stride;
    const auto square = [&](int64_t i) {
      ByteVector vectors[kSide];
      for (int x = 0; x < kSide; ++x) {
        std::memcpy(&vectors[x], columns + (i + x) * count + first, kSide);
      }
      turn(vectors);
      for (int y = 0; y < kSide; ++y) std::memcpy(out + y * stride + i, &vectors[y], kSide);
    };
    for_places(bytes, square, [&](int64_t i) {
      for (int y = 0; y < kSide; ++y) out[y * stride + i] = columns[i * count + first + y];
    });
  }
}

}  // namespace bbg::image
