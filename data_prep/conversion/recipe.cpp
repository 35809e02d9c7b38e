#include "data_prep/conversion/recipe.h"

namespace bbg::data_prep {

std::map<std::string, std::string> Recipe::words(int64_t size) const {
  std::map<std::string, std::string> words = {
      {"store", core::word_of(kStores, store)},
      {"channels", std::to_string(decode.channels)},
      {"alpha", core::word_of(data::kAlphas, decode.alpha)},
      {"exif", core::word_of(data::kExifs, decode.exif)},
      {"cmyk", core::word_of(data::kCmyks, decode.cmyk)},
  };
  if (store == Store::kOriginal) return words;
  words["size"] = std::to_string(size);
  words["resample"] = core::word_of(data::kFilters, filter);
  if (store == Store::kRaw) words["fit"] = core::word_of(kFits, fit);
  if (store == Store::kJpeg) words["quality"] = std::to_string(quality);
  return words;
}

}  // namespace bbg::data_prep
