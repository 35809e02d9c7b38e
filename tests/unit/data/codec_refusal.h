#pragma once
// Tells how a decoder refuses a file.

#include <functional>
#include <string>

#include "core/error.h"
#include "tests/support/decode_image.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data {

inline std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

inline std::string refusal(const std::string& bytes, const DecodeOptions& options = {}) {
  return refusal_of([&] { test::decode_image(bytes, options); });
}

}  // namespace bbg::data
