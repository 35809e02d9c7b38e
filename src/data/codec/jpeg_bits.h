#pragma once
// The bits of JPEG's entropy-coded data, the first one highest. A value: copies read on their own.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bbg::data {

class BitReader {
 public:
  BitReader() = default;
  // `data`: without stuffed bytes. fill() may read so many bytes beyond each that was filled
  // before.
  explicit BitReader(const uint8_t* data) : next_(data) {}
  static constexpr size_t kBeyond = 8;

  // Makes at least 56 bits readable.
  void fill() {
    uint64_t word;
    std::memcpy(&word, next_, sizeof word);
    if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
    buffer_ |= word >> count_;
    next_ += (63 - count_) >> 3;
    count_ |= 56;
  }

  // The next `count` bits, 1 to 32, of those filled.
  uint32_t peek(int count) const { return static_cast<uint32_t>(buffer_ >> (64 - count)); }
  // The number that `size` bits stand for, 0 to 15 of them, `offset` bits further on: numbers that
  // begin with a 0 are negative (ITU-T T.81, F.2.2.1).
  int32_t number(int offset, int size) const {
    const uint64_t bits = buffer_ << offset;
    const auto value = static_cast<int32_t>(bits >> 1 >> (63 - size));
    const auto is_positive = static_cast<int32_t>(static_cast<int64_t>(bits) >> 63);
    return value + (~is_positive & (1 - (1 << size)));
  }
  void drop(int count) {
    buffer_ <<= count;
    count_ -= count;
  }

  // Bits dropped since `data`.
  int64_t dropped_since(const uint8_t* data) const { return 8 * (next_ - data) - count_; }

 private:
  const uint8_t* next_ = nullptr;
  uint64_t buffer_ = 0;  // from the highest bit down; those below count_ are right, or zeros
  int count_ = 0;        // bits in buffer_ that next_ has passed
};

}  // namespace bbg::data
