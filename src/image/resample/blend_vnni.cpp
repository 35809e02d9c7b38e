#include "image/resample/blend_vnni.h"

#include "core/error.h"

#ifdef __x86_64__
#include <immintrin.h>

#include <algorithm>
#include <vector>
#endif

namespace bbg::image {

#ifdef __x86_64__

// The functions with this attribute are compiled for such a processor, all others for any.
#define BBG_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

namespace {

using Ints16 = int32_t __attribute__((vector_size(64)));

constexpr int64_t kGroup = kWeightsTogether;  // lines that one dot product adds
static_assert(kGroup == 4);
constexpr int64_t kVector = 64;    // bytes of a vector
constexpr int kQuarters = 4;       // a vector's bytes have four vectors of sums
constexpr int kDigits = 3;         // to the base 256, of a weight
constexpr int64_t kGroupInts = 4;  // kDigits, and one that is not used

// The weights of a range to the base 256 with digits from -128 to 127, as a dot product takes them.
// Digit i of the four weights of a group is one number: digits[group * kGroupInts + i].
BBG_VNNI inline void write_digits(const Taps::Range& range, int32_t* digits) {
  // An unsigned digit that is 128 larger has the bits of the signed one but for the first.
  const __m128i larger = _mm_set1_epi32(0x808080);
  const __m128i by_digit = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  for (int64_t line = 0; line < range.count; line += kGroup) {
    const auto* at = reinterpret_cast<const __m128i*>(range.weights + line);
    const __m128i sums = _mm_add_epi32(_mm_loadu_si128(at), larger);
    const __m128i bytes = _mm_shuffle_epi8(_mm_xor_si128(sums, larger), by_digit);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(digits), bytes);
    digits += kGroupInts;
  }
}

// Lane by lane, bytes 4 i to 4 i + 3 of four lines are in quarters[i]: those of the first place,
// then those of the second.
BBG_VNNI inline void interleave(const uint8_t* const* lines, int64_t x, __mmask64 mask,
                                __m512i (&quarters)[kQuarters]) {
  const __m512i a = _mm512_maskz_loadu_epi8(mask, lines[0] + x);
  const __m512i b = _mm512_maskz_loadu_epi8(mask, lines[1] + x);
  const __m512i c = _mm512_maskz_loadu_epi8(mask, lines[2] + x);
  const __m512i d = _mm512_maskz_loadu_epi8(mask, lines[3] + x);
  const __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  const __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  quarters[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
  quarters[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
  quarters[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
  quarters[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
}

// The lines and weights of one range. Behind its last line, up to a whole group, that line is
// repeated: its weights there are 0.
struct Groups {
  std::vector<const uint8_t*> lines;
  std::vector<int32_t> digits;
  int64_t count = 0;
};

BBG_VNNI inline void set_groups(const Lines& in, const Taps::Range& range, Groups& groups) {
  groups.count = (range.count + kGroup - 1) / kGroup;
  groups.digits.resize(static_cast<size_t>(groups.count * kGroupInts));
  write_digits(range, groups.digits.data());
  groups.lines.clear();
  for (int64_t line = 0; line < groups.count * kGroup; ++line) {
    const int64_t place = range.first + std::min(line, range.count - 1);
    groups.lines.push_back(in.data + place * in.stride);
  }
}

// sums = the weighted sums of the bytes of a vector at `x`, in the order of interleave().
BBG_VNNI inline void add_vector(const Groups& groups, int64_t x, __mmask64 mask,
                                Ints16 (&sums)[kQuarters]) {
  __m512i by_digit[kDigits][kQuarters] = {};
  for (int64_t group = 0; group < groups.count; ++group) {
    __m512i quarters[kQuarters];
    interleave(groups.lines.data() + group * kGroup, x, mask, quarters);
    for (int digit = 0; digit < kDigits; ++digit) {
      const auto at = static_cast<size_t>(group * kGroupInts + digit);
      const __m512i weights = _mm512_set1_epi32(groups.digits[at]);
      for (int i = 0; i < kQuarters; ++i) {
        by_digit[digit][i] = _mm512_dpbusd_epi32(by_digit[digit][i], quarters[i], weights);
      }
    }
  }
  for (int i = 0; i < kQuarters; ++i) {
    const auto low = reinterpret_cast<Ints16>(by_digit[0][i]);
    const auto middle = reinterpret_cast<Ints16>(by_digit[1][i]);
    const auto high = reinterpret_cast<Ints16>(by_digit[2][i]);
    sums[i] = (high << 16) + (middle << 8) + low;
  }
}

inline __mmask64 first_bytes(int64_t count) {
  return count >= kVector ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

// Rounded half up and cut to bytes, back in the order of the lines.
BBG_VNNI inline __m512i to_bytes(const Ints16 (&sums)[kQuarters]) {
  __m512i rounded[kQuarters];
  for (int i = 0; i < kQuarters; ++i) {
    rounded[i] = reinterpret_cast<__m512i>((sums[i] + (1 << (kWeightBits - 1))) >> kWeightBits);
  }
  return _mm512_packus_epi16(_mm512_packs_epi32(rounded[0], rounded[1]),
                             _mm512_packs_epi32(rounded[2], rounded[3]));
}

}  // namespace

bool has_vnni() {
  return __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512vnni") != 0;
}

BBG_VNNI
void blend_to_bytes_vnni(const Lines& in, std::span<const Taps::Range> ranges, uint8_t* out) {
  Groups groups;
  for (const Taps::Range& range : ranges) {
    set_groups(in, range, groups);
    for (int64_t x = 0; x < in.bytes; x += kVector) {
      const __mmask64 mask = first_bytes(in.bytes - x);
      Ints16 sums[kQuarters];
      add_vector(groups, x, mask, sums);
      _mm512_mask_storeu_epi8(out + x, mask, to_bytes(sums));
    }
    out += in.bytes;
  }
}

#else

bool has_vnni() { return false; }

void blend_to_bytes_vnni(const Lines&, std::span<const Taps::Range>, uint8_t*) {
  BBG_CHECK(false, "dot products of another processor");
}

#endif

}  // namespace bbg::image
