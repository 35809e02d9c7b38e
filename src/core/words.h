#pragma once
// The words that a user writes for the values of an enumeration, in the order in which help lists
// them. A table of words stands beside its enumeration; core/options.h reads and prints by it, and
// messages name a value by it.
//
//   enum class Prior { kNormal, kUniform };
//   constexpr core::Word<Prior> kPriors[] = {{"normal", Prior::kNormal}, ...};
//   core::word_of(kPriors, prior)

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "core/error.h"

namespace bbg::core {

template <class Enum>
struct Word {
  const char* text;
  Enum value;
};
template <class Enum>
using Words = std::span<const Word<Enum>>;

// A value without a word is a bug.
template <class Enum>
std::string word_of(std::type_identity_t<Words<Enum>> words, Enum value) {
  const auto found = std::find_if(words.begin(), words.end(),
                                  [&](const Word<Enum>& word) { return word.value == value; });
  BBG_CHECK(found != words.end(), "a value without a word");
  return found->text;
}

// None where no value has this word.
template <class Enum, size_t kSize>
std::optional<Enum> value_of(const Word<Enum> (&words)[kSize], const std::string& text) {
  const auto found = std::find_if(std::begin(words), std::end(words),
                                  [&](const Word<Enum>& word) { return word.text == text; });
  return found == std::end(words) ? std::nullopt : std::optional(found->value);
}

}  // namespace bbg::core
