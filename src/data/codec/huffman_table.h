#pragma once
// A Huffman table of JPEG, laid out for fast reading (ITU-T T.81, F.2.2): a look at the next bits
// tells the length of code and value together, so that the next symbol need not wait for the value,
// and no branch depends on either. build() first; then any thread may read.

#include <array>
#include <cstdint>

#include "data/codec/jpeg_bits.h"

namespace bbg::data {

// Zeros, and the number of bits of the coefficient that follows. 63 zeros: the block ends.
struct HuffmanSymbol {
  uint8_t length = 0;  // bits of code and value; 0 in the table: it does not stand there
  uint8_t run = 0;
  uint8_t code_length = 0;
  uint8_t size = 0;
};

class HuffmanTable {
 public:
  enum class Kind { kDc, kAc };
  static constexpr int kLookupBits = 9;
  // Two of them are filled at once. Longer ones are none of photographs, and take the slow way.
  static constexpr int kLongest = 26;

  // bits[l]: the number of codes of length l, 1 to 16; values: their symbols. The codes must fit
  // (libjpeg has looked). Does nothing where the table is the same as before.
  void build(Kind kind, const uint8_t bits[17], const uint8_t values[256]);

  // The next symbol, two of which may be read after one fill(); nothing is dropped.
  HuffmanSymbol look(BitReader& bits) const {
    const HuffmanSymbol symbol = lookup_[bits.peek(kLookupBits)];
    if (symbol.length != 0) [[likely]]
      return symbol;
    bits.fill();
    return look_further(bits.peek(16));
  }

  // Several symbols at once, for those who pass over them.
  struct Stretch {
    uint8_t length = 0;  // bits; 0: none is known
    uint8_t places = 0;  // coefficients, zeros included
  };
  // The places before a stretch's last symbol, at most: within a block, since it has more left.
  static constexpr int kMostPlaces = 7;
  void build_stretches();  // after each build(), if stretches are looked at
  Stretch look_at_stretch(const BitReader& bits) const {
    return stretches_[bits.peek(kStretchBits)];
  }

  // The length of a code that the table lacks; it ends the block.
  static constexpr uint8_t kBadCode = 32;

 private:
  HuffmanSymbol symbol_of(uint8_t value, int code_length) const;
  HuffmanSymbol look_further(uint32_t next) const;  // 16 bits

  static constexpr int kStretchBits = 11;

  Kind kind_ = Kind::kAc;
  bool has_stretches_ = false;
  std::array<HuffmanSymbol, 1 << kLookupBits> lookup_{};
  std::array<Stretch, 1 << kStretchBits> stretches_{};
  std::array<uint32_t, 17> limit_{};  // the first 16 bits of codes of this length are below it
  std::array<int32_t, 17> offset_{};  // from a code of this length to its place in values_
  std::array<uint8_t, 17> bits_{};
  std::array<uint8_t, 256> values_{};
};

}  // namespace bbg::data
