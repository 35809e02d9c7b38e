#include "data/codec/huffman_table.h"

#include <algorithm>

namespace bbg::data {

// A size without a value stands for 16 zeros, or for the end of the block.
HuffmanSymbol HuffmanTable::symbol_of(uint8_t value, int code_length) const {
  const uint8_t size = value & 15, zeros = kind_ == Kind::kDc ? 0 : value >> 4;
  const bool is_end = kind_ == Kind::kAc && size == 0 && zeros != 15;
  return {.length = static_cast<uint8_t>(code_length + size),
          .run = is_end ? uint8_t{63} : zeros,
          .code_length = static_cast<uint8_t>(code_length),
          .size = size};
}

void HuffmanTable::build(Kind kind, const uint8_t bits[17], const uint8_t values[256]) {
  if (kind == kind_ && std::equal(bits_.begin() + 1, bits_.end(), bits + 1) &&
      std::equal(values_.begin(), values_.end(), values)) {
    return;
  }
  kind_ = kind;
  has_stretches_ = false;
  std::copy_n(bits, 17, bits_.begin());
  std::copy_n(values, 256, values_.begin());
  lookup_.fill({});
  uint32_t code = 0;
  int place = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    offset_[static_cast<size_t>(length)] = place - static_cast<int>(code);
    for (int i = 0; i < bits[length] && place < 256; ++i, ++code, ++place) {
      const HuffmanSymbol symbol = symbol_of(values[place], length);
      if (length > kLookupBits || symbol.length > kLongest) continue;
      const int rest = kLookupBits - length;
      std::fill_n(lookup_.begin() + (code << rest), 1 << rest, symbol);
    }
    limit_[static_cast<size_t>(length)] = code << (16 - length);
  }
}

void HuffmanTable::build_stretches() {
  if (has_stretches_) return;
  has_stretches_ = true;
  for (uint32_t bits = 0; bits < stretches_.size(); ++bits) {
    Stretch& stretch = stretches_[bits];
    stretch = {};
    while (stretch.length < kStretchBits && stretch.places <= kMostPlaces) {
      const uint32_t rest = (bits << stretch.length) & ((1u << kStretchBits) - 1);
      const HuffmanSymbol symbol = lookup_[rest >> (kStretchBits - kLookupBits)];
      if (symbol.length == 0 || stretch.length + symbol.code_length > kStretchBits) break;
      stretch.length = static_cast<uint8_t>(stretch.length + symbol.length);
      stretch.places = static_cast<uint8_t>(stretch.places + symbol.run + 1);
    }
  }
}

HuffmanSymbol HuffmanTable::look_further(uint32_t next) const {
  for (size_t length = 1; length <= 16; ++length) {
    if (next >= limit_[length]) continue;
    const int place = static_cast<int>(next >> (16 - length)) + offset_[length];
    return symbol_of(values_[static_cast<size_t>(place) & 255], static_cast<int>(length));
  }
  return {.length = kBadCode, .run = 63};
}

}  // namespace bbg::data
