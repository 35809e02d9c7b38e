#pragma once
// Small states for tests.

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "core/types.h"

namespace bbg::test {

// Every dtype, odd sizes, an empty and a zero-dimensional tensor, special values, text.
inline core::StateDict make_state(int64_t seed) {
  const at::Tensor base = at::arange(seed, seed + 15).to(at::kDouble).reshape({3, 5}) / 7;
  core::StateDict state;
  state.tensors = {
      {"f64", base},
      {"bool", base.gt(1.0)},
      {"f32.odd offset", base.to(at::kFloat)},
      {"bf16", base.to(at::kBFloat16)},
      {"f16", base.to(at::kHalf)},
      {"i64", (base * 1e12).to(at::kLong)},
      {"u8", base.to(at::kByte)},
      {"i32", (base * -1e6).to(at::kInt)},
      {"empty", at::empty({4, 0, 2}, at::kFloat)},
      {"scalar", at::full({}, 0.1 * static_cast<double>(seed), at::kDouble)},
      {"special", at::tensor({0.0, -0.0, 1e-310, std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()},
                             at::kDouble)}};
  state.text = {{"config", "[run]\nname = \"é\"\n"}, {"empty", ""}, {"seed", std::to_string(seed)}};
  return state;
}

inline bool equal_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         (a.numel() == 0 ||
          std::memcmp(a.contiguous().data_ptr(), b.contiguous().data_ptr(), a.nbytes()) == 0);
}

// Names, order, dtypes, shapes, bits and text.
inline bool equal_states(const core::StateDict& a, const core::StateDict& b) {
  if (a.text != b.text || a.tensors.size() != b.tensors.size()) return false;
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    if (a.tensors[i].first != b.tensors[i].first) return false;
    if (!equal_bits(a.tensors[i].second, b.tensors[i].second)) return false;
  }
  return true;
}

}  // namespace bbg::test
