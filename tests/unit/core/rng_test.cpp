#include "core/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "core/error.h"

namespace bbg::core {
namespace {

using Block = std::array<uint32_t, 4>;

std::vector<uint32_t> first_numbers(RandomStream stream, int count) {
  std::vector<uint32_t> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(stream.next_uint32());
  return numbers;
}

// Five standard errors of a mean of `count` values: with fixed seeds a test either always passes or
// always fails, and a right generator has a chance of 6e-7 to fail when it is written.
double five_sigma(double variance, int count) { return 5 * std::sqrt(variance / count); }

// Known answers of the authors' Random123 library, kat_vectors, philox4x32 10.
TEST(Philox, GivesThePublishedBlocks) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Old runs repeat only as long as these stay. The values come from a second implementation of
// Philox and of the naming of streams, in Python.
TEST(RandomStreamTest, GivesTheNumbersItAlwaysGave) {
  EXPECT_EQ(first_numbers(RandomStream(0x123456789abcdef0, Purpose::kPrior, 0xfedcba9876543210,
                                       uint64_t{5} << 32 | 7),
                          6),
            (std::vector<uint32_t>{0xe9c656a4, 0xc6b0b334, 0xc58bd23f, 0x40bdb44f, 0xc1ba62e9,
                                   0xf9a11231}));
  RandomStream normal(1, Purpose::kPrior, 2, 4);
  // Logarithm and cosine may differ in the last bits between mathematical libraries.
  EXPECT_NEAR(normal.next_normal(), 1.7550993696700052, 1e-14);
  EXPECT_NEAR(normal.next_normal(), 0.8565713427146253, 1e-14);
  EXPECT_EQ(RandomStream(1, Purpose::kShuffle, 0, 0).next_below(1000), 5370681258125451032u % 1000);
}

TEST(RandomStreamTest, TheNumbersOfThePurposesNeverChange) {
  EXPECT_EQ(static_cast<uint32_t>(Purpose::kInitialise), 1u);
  EXPECT_EQ(static_cast<uint32_t>(Purpose::kShuffle), 2u);
  EXPECT_EQ(static_cast<uint32_t>(Purpose::kPrior), 3u);
  EXPECT_EQ(static_cast<uint32_t>(Purpose::kEncoder), 4u);
  EXPECT_EQ(static_cast<uint32_t>(Purpose::kAugment), 5u);
  EXPECT_EQ(static_cast<uint32_t>(Purpose::kEvaluate), 6u);
  EXPECT_EQ(static_cast<uint32_t>(Purpose::kFakeLabel), 7u);
}

TEST(RandomStreamTest, EqualNamesGiveEqualNumbers) {
  EXPECT_EQ(first_numbers(RandomStream(7, Purpose::kAugment, 8, 9), 50),
            first_numbers(RandomStream(7, Purpose::kAugment, 8, 9), 50));
}

TEST(RandomStreamTest, EveryPartOfTheNameMakesAnotherStreamAndSoDoesEachOfItsBits) {
  std::set<std::vector<uint32_t>> seen;
  size_t streams = 0;
  const auto add = [&](const RandomStream& stream) {
    seen.insert(first_numbers(stream, 4));
    ++streams;
  };
  add(RandomStream(0, Purpose::kPrior, 0, 0));
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t part = uint64_t{1} << bit;
    add(RandomStream(part, Purpose::kPrior, 0, 0));
    add(RandomStream(0, Purpose::kPrior, part, 0));
    add(RandomStream(0, Purpose::kPrior, 0, part));
  }
  for (const Purpose purpose : {Purpose::kInitialise, Purpose::kShuffle, Purpose::kEncoder,
                                Purpose::kAugment, Purpose::kEvaluate, Purpose::kFakeLabel}) {
    add(RandomStream(0, purpose, 0, 0));
  }
  EXPECT_EQ(seen.size(), streams);
}

// Neither a value that moves from one part of the name to another nor a step to the next sample may
// lead into a stream's later blocks. 40,000 words of 32 bits have 0.2 equal pairs by chance, two
// following words have none.
TEST(RandomStreamTest, StreamsDoNotOverlap) {
  std::set<std::pair<uint32_t, uint32_t>> seen;
  size_t pairs = 0;
  for (uint64_t step = 0; step < 5; ++step) {
    for (uint64_t sample = 0; sample < 20; ++sample) {
      const auto numbers = first_numbers(RandomStream(3, Purpose::kPrior, step, sample), 400);
      for (size_t i = 0; i + 1 < numbers.size(); i += 2) {
        seen.emplace(numbers[i], numbers[i + 1]);
        ++pairs;
      }
    }
  }
  EXPECT_EQ(seen.size(), pairs);
}

TEST(RandomStreamTest, UniformNumbersLieIn01AndHaveItsMoments) {
  constexpr int kCount = 100'000;
  RandomStream stream(1, Purpose::kEvaluate, 0, 0);
  double first = 0, second = 0, product = 0, last = 0.5;
  for (int i = 0; i < kCount; ++i) {
    const double value = stream.next_uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    first += value / kCount;
    second += value * value / kCount;
    product += (value - 0.5) * (last - 0.5) / kCount;
    last = value;
  }
  EXPECT_NEAR(first, 1.0 / 2, five_sigma(1.0 / 12, kCount));
  EXPECT_NEAR(second, 1.0 / 3, five_sigma(4.0 / 45, kCount));
  EXPECT_NEAR(product, 0, five_sigma(1.0 / 144, kCount));  // neighbours are independent
}

TEST(RandomStreamTest, NormalNumbersHaveTheMomentsOfN01) {
  constexpr int kCount = 100'000;
  RandomStream stream(1, Purpose::kPrior, 0, 0);
  double moments[5] = {}, product = 0, last = 0;
  int beyond_2 = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = stream.next_normal();
    for (int power = 1; power <= 4; ++power) moments[power] += std::pow(value, power) / kCount;
    product += value * last / kCount;
    beyond_2 += std::fabs(value) > 2 ? 1 : 0;
    last = value;
  }
  // Var(x^n) = E x^2n - (E x^n)^2 with E x^2, x^4, x^6, x^8 = 1, 3, 15, 105.
  EXPECT_NEAR(moments[1], 0, five_sigma(1, kCount));
  EXPECT_NEAR(moments[2], 1, five_sigma(2, kCount));
  EXPECT_NEAR(moments[3], 0, five_sigma(15, kCount));
  EXPECT_NEAR(moments[4], 3, five_sigma(96, kCount));
  EXPECT_NEAR(product, 0, five_sigma(1, kCount));  // also the two of one Box-Muller pair
  const double share = std::erfc(2 / std::sqrt(2.0));
  EXPECT_NEAR(static_cast<double>(beyond_2) / kCount, share,
              five_sigma(share * (1 - share), kCount));
}

// The same element of many streams, one for each sample, is as random as one stream.
TEST(RandomStreamTest, FirstNormalsOfManyStreamsAreN01) {
  constexpr int kCount = 20'000;
  double first = 0, second = 0;
  for (uint64_t sample = 0; sample < kCount; ++sample) {
    const double value = RandomStream(5, Purpose::kPrior, 1, sample).next_normal();
    first += value / kCount;
    second += value * value / kCount;
  }
  EXPECT_NEAR(first, 0, five_sigma(1, kCount));
  EXPECT_NEAR(second, 1, five_sigma(2, kCount));
}

TEST(RandomStreamTest, FillingGivesTheSameNumbersAsOneByOne) {
  RandomStream one(2, Purpose::kPrior, 3, 4), many = one, narrow = one;
  std::vector<double> doubles(7);
  std::vector<float> floats(7);
  many.fill_normal(std::span(doubles).first(3));  // an odd number: half of a pair is left
  many.fill_normal(std::span(doubles).subspan(3));
  narrow.fill_normal(std::span(floats));
  for (size_t i = 0; i < doubles.size(); ++i) {
    const double expected = one.next_normal();
    EXPECT_EQ(doubles[i], expected) << i;
    EXPECT_EQ(floats[i], static_cast<float>(expected)) << i;
  }
}

TEST(RandomStreamTest, NextBelowStaysBelowForEveryBound) {
  RandomStream stream(1, Purpose::kShuffle, 0, 0);
  for (const uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{10}, uint64_t{1000},
                               uint64_t{1} << 32, (uint64_t{1} << 63) + 1, UINT64_MAX}) {
    for (int i = 0; i < 1000; ++i) ASSERT_LT(stream.next_below(bound), bound);
  }
  EXPECT_EQ(stream.next_below(1), 0u);
  EXPECT_THROW(stream.next_below(0), InternalError);
}

TEST(RandomStreamTest, NextBelowGivesEachNumberEquallyOften) {
  RandomStream stream(1, Purpose::kShuffle, 0, 0);
  for (const uint64_t bound : {2, 3, 7, 100}) {
    const int count = static_cast<int>(10'000 * bound);
    std::vector<int> times(bound);
    for (int i = 0; i < count; ++i) ++times[stream.next_below(bound)];
    double chi_squared = 0;
    for (const int n : times) chi_squared += (n - 10'000.0) * (n - 10'000.0) / 10'000.0;
    // chi^2 with k - 1 degrees of freedom; Wilson and Hilferty: its cube root over k - 1 is nearly
    // normal with mean 1 - 2 / (9 (k - 1)) and that variance.
    const double freedom = static_cast<double>(bound) - 1, variance = 2 / (9 * freedom);
    EXPECT_LT(std::cbrt(chi_squared / freedom), 1 - variance + 5 * std::sqrt(variance)) << bound;
  }
}

// The plain remainder by 3 * 2^62 would fall into the first third in half of all cases.
TEST(RandomStreamTest, NextBelowIsUnbiasedForHugeBounds) {
  constexpr int kCount = 10'000;
  RandomStream stream(1, Purpose::kShuffle, 1, 0);
  int in_first_third = 0;
  for (int i = 0; i < kCount; ++i) {
    in_first_third += stream.next_below(uint64_t{3} << 62) < uint64_t{1} << 62 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(in_first_third) / kCount, 1.0 / 3, five_sigma(2.0 / 9, kCount));
}

TEST(RandomStreamTest, SkippedBlocksAreThoseThatWouldHaveBeenTaken) {
  RandomStream whole(3, Purpose::kInitialise, 7, 0);
  std::vector<double> expected(40), found(40);
  whole.fill_normal(std::span(expected));
  for (const uint32_t first : {0u, 3u, 9u}) {
    RandomStream part(3, Purpose::kInitialise, 7, 0);
    part.skip_blocks(first);
    part.fill_normal(std::span(found).subspan(4 * first));
  }
  EXPECT_EQ(found, expected);
  whole.next_uint32();
  EXPECT_THROW(whole.skip_blocks(1), core::InternalError);
}

// Known answers of Fowler, Noll and Vo for 64-bit FNV-1a.
TEST(HashName, GivesThePublishedValues) {
  EXPECT_EQ(hash_name(""), 0xcbf29ce484222325u);
  EXPECT_EQ(hash_name("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hash_name("foobar"), 0x85944171f73967e8u);
}

}  // namespace
}  // namespace bbg::core
