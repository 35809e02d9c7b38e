#pragma once
// Sixteen bytes in a register, and how the compilers' shuffles of them are called. For .cpp files.

#include <cstdint>

namespace bbg::data {

using ByteVector = uint8_t __attribute__((vector_size(16)));

}  // namespace bbg::data

// The sixteen bytes of (a, b), which are numbered 0 to 31, that the constants after them name.
#if defined(__clang__)
#define BBG_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define BBG_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, ::bbg::data::ByteVector{__VA_ARGS__})
#endif

// One function for each width of vectors; one of them is chosen when the program starts. It is for
// functions of integers, which give the same bytes at each width.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BBG_VECTOR_WIDTHS __attribute__((target_clones("avx2", "default")))
#else
#define BBG_VECTOR_WIDTHS
#endif
// A part of such a function, compiled with each.
#define BBG_ALWAYS_INLINE __attribute__((always_inline))
