#include "core/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bbg::core {
namespace {

uint64_t hash_of(const std::string& text) { return hash64(std::as_bytes(std::span(text))); }

// Byte i is 7 i mod 256.
std::string pattern(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += static_cast<char>(7 * i % 256);
  return text;
}

// Values of xxHash 0.8.4, xxh3_64; the lengths take different paths through the algorithm.
TEST(Hash64, GivesThePublishedValues) {
  EXPECT_EQ(hash_of(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash_of("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(hash_of("abc"), 0x78af5f94892f3950u);
  EXPECT_EQ(hash_of(pattern(1000)), 0x10ad30264426c830u);
}

TEST(Hash64, EveryBitCounts) {
  const std::string text = pattern(300);
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(hash_of(flipped), hash_of(text)) << bit;
  }
}

TEST(HasherTest, PiecesOfAnySizeGiveTheHashOfTheWhole) {
  const std::string text = pattern(3000);
  const auto bytes = std::as_bytes(std::span(text));
  for (const size_t piece : {1, 7, 64, 255, 256, 1024, 2999, 3000, 5000}) {
    Hasher hasher;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      hasher.add(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    }
    EXPECT_EQ(hasher.digest(), hash_of(text)) << piece;
  }
}

TEST(HasherTest, NothingAndEmptyPiecesAreTheEmptyInput) {
  Hasher hasher;
  EXPECT_EQ(hasher.digest(), hash_of(""));
  hasher.add({});
  EXPECT_EQ(hasher.digest(), hash_of(""));
}

TEST(HasherTest, TheDigestMayBeTakenOnTheWay) {
  const std::string text = pattern(2000);
  const auto bytes = std::as_bytes(std::span(text));
  Hasher hasher;
  hasher.add(bytes.first(900));
  EXPECT_EQ(hasher.digest(), hash64(bytes.first(900)));
  hasher.add(bytes.subspan(900));
  EXPECT_EQ(hasher.digest(), hash64(bytes));
}

TEST(Hex, Has16LowerCaseDigits) {
  EXPECT_EQ(hex(0), "0000000000000000");
  EXPECT_EQ(hex(0x1F), "000000000000001f");
  EXPECT_EQ(hex(UINT64_MAX), "ffffffffffffffff");
}

}  // namespace
}  // namespace bbg::core
