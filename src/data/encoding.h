#pragma once
// How the samples of a data set are stored.

#include "core/words.h"

namespace bbg::data {

enum class Encoding {
  kRaw,   // uint8 pixels [H, W, C], all of one size
  kJpeg,  // JPEG files, each of its own size
};
inline constexpr core::Word<Encoding> kEncodings[] = {{"raw", Encoding::kRaw},
                                                      {"jpeg", Encoding::kJpeg}};

}  // namespace bbg::data
