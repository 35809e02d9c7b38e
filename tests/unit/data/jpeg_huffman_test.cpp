#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/rng.h"
#include "data/codec/huffman_table.h"

namespace bbg::data {
namespace {

// Codes of 2 to 16 bits. Those of one length follow each other; the first of the next has a 0 more
// (ITU-T T.81, annex C).
constexpr uint8_t kBits[17] = {0, 0, 1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2};

struct Code {
  uint8_t symbol;
  std::string bits;
};

std::vector<Code> codes() {
  std::vector<Code> all;
  uint32_t code = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    for (int i = 0; i < kBits[length]; ++i, ++code) {
      std::string bits;
      for (int bit = length - 1; bit >= 0; --bit) bits += code >> bit & 1 ? '1' : '0';
      // Runs and sizes of all kinds: 0x00 ends a block, 0xF0 is 16 zeros.
      const auto n = static_cast<uint8_t>(all.size());
      const uint8_t symbol = n == 3   ? 0x00
                             : n == 7 ? 0xF0
                                      : static_cast<uint8_t>(n << 4 | (n % 15 + 1));
      all.push_back({symbol, bits});
    }
  }
  return all;
}

// T.81, F.1.2.1: negative numbers are stored less one, without their sign.
std::string number_bits(int value, int size) {
  const int stored = value < 0 ? value + (1 << size) - 1 : value;
  std::string bits;
  for (int bit = size - 1; bit >= 0; --bit) bits += stored >> bit & 1 ? '1' : '0';
  return bits;
}

struct Written {
  Code code;
  int value;
};

TEST(JpegHuffman, ReadsTheSymbolsAndNumbersThatWereWritten) {
  const std::vector<Code> all = codes();
  uint8_t values[256] = {};
  for (size_t i = 0; i < all.size(); ++i) values[i] = all[i].symbol;
  HuffmanTable table;
  table.build(HuffmanTable::Kind::kAc, kBits, values);
  core::RandomStream random(5, core::Purpose::kEvaluate, 0, 0);
  std::vector<Written> written;
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    const Code& code = all[random.next_below(all.size())];
    const int size = code.symbol & 15;
    int value = 0;
    if (size > 0) {
      value = (1 << (size - 1)) + static_cast<int>(random.next_below(uint64_t{1} << (size - 1)));
      if (random.next_below(2) == 0) value = -value;
    }
    written.push_back({code, value});
    text += code.bits + number_bits(value, size);
  }
  std::vector<uint8_t> bytes((text.size() + 7) / 8 + BitReader::kBeyond);
  for (size_t i = 0; i < text.size(); ++i) {
    bytes[i / 8] = static_cast<uint8_t>(bytes[i / 8] | (text[i] == '1') << (7 - i % 8));
  }
  BitReader bits(bytes.data());
  for (size_t i = 0; i < written.size(); ++i) {
    if (i % 2 == 0) bits.fill();  // two symbols a fill
    const HuffmanSymbol symbol = table.look(bits);
    const uint8_t byte = written[i].code.symbol;
    ASSERT_EQ(symbol.run, byte == 0 ? 63 : byte >> 4) << i;
    ASSERT_EQ(symbol.code_length, written[i].code.bits.size()) << i;
    ASSERT_EQ(bits.number(symbol.code_length, symbol.size), written[i].value) << i;
    bits.drop(symbol.length);
  }
  EXPECT_EQ(bits.dropped_since(bytes.data()), static_cast<int64_t>(text.size()));
}

}  // namespace
}  // namespace bbg::data
