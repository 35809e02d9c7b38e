#pragma once
// The way from an image to a sample: decoding, fitting, storing. Everything here that differs makes
// other samples.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/words.h"
#include "data/codec/decode_options.h"
#include "data/encoding.h"
#include "data/fit.h"
#include "data/resample.h"

namespace bbg::data_prep {

enum class Store {
  kRaw,       // pixels, S x S
  kJpeg,      // JPEG made anew, its shorter side at most S
  kOriginal,  // the file's own bytes, which were decoded once to see that they can be
};
inline constexpr core::Word<Store> kStores[] = {
    {"raw", Store::kRaw}, {"jpeg", Store::kJpeg}, {"original", Store::kOriginal}};

inline constexpr core::Word<data::Fit> kFits[] = {{"resize", data::Fit::kResize},
                                                  {"pad", data::Fit::kPad}};

struct Recipe {
  Store store = Store::kRaw;
  // S, px; a data set is made for each. kOriginal has one 0.
  std::vector<int64_t> sizes;
  int64_t quality = 95;  // kJpeg's, 1 to 100
  data::Filter filter = data::Filter::kArea;
  data::Fit fit = data::Fit::kResize;
  data::DecodeOptions decode;

  data::Encoding encoding() const {
    return store == Store::kRaw ? data::Encoding::kRaw : data::Encoding::kJpeg;
  }
  // All of it for one size, in words: for the manifest.
  std::map<std::string, std::string> words(int64_t size) const;
};

}  // namespace bbg::data_prep
