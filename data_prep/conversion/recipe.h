#pragma once
// The way from an image to a sample: decoding, fitting, storing. Everything here that differs makes
// other samples.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/words.h"
#include "data/encoding.h"
#include "image/codec/decode_options.h"
#include "image/fit.h"
#include "image/resample.h"

namespace bbg::data_prep {

enum class Store {
  kRaw,       // pixels, S x S
  kJpeg,      // JPEG made anew, its shorter side at most S
  kOriginal,  // the file's own bytes, which were decoded once to see that they can be
};
inline constexpr core::Word<Store> kStores[] = {
    {"raw", Store::kRaw}, {"jpeg", Store::kJpeg}, {"original", Store::kOriginal}};

inline constexpr core::Word<image::Fit> kFits[] = {{"resize", image::Fit::kResize},
                                                   {"pad", image::Fit::kPad}};

struct Recipe {
  Store store = Store::kRaw;
  // S, px; a data set is made for each. kOriginal has one 0.
  std::vector<int64_t> sizes;
  int64_t quality = 95;  // kJpeg's, 1 to 100
  image::Filter filter = image::Filter::kArea;
  image::Fit fit = image::Fit::kResize;
  image::DecodeOptions decode;

  data::Encoding encoding() const {
    return store == Store::kRaw ? data::Encoding::kRaw : data::Encoding::kJpeg;
  }
  // All of it for one size, in words: for the manifest.
  std::map<std::string, std::string> words(int64_t size) const;
};

}  // namespace bbg::data_prep
