#include "data_prep/conversion/plan.h"

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"

namespace bbg::data_prep {

namespace {

constexpr int64_t kFilesAsked = 64;  // for the mean size of a source's files

int64_t mean_file_bytes(const ImageSource& source) {
  Content content;
  int64_t bytes = 0, files = 0;
  for (int64_t i = 0; i < kFilesAsked; ++i) {
    const int64_t index = source.size() * i / kFilesAsked;
    try {
      int64_t known = source.bytes(index);
      if (known < 0) {
        source.read(index, content);
        known = content.is_encoded ? std::ssize(content.bytes) : std::ssize(content.image.pixels);
      }
      bytes += known;
      ++files;
    } catch (const core::UsageError&) {  // it will be told when its turn comes
    }
  }
  return std::max<int64_t>(1, bytes / std::max<int64_t>(1, files));
}

}  // namespace

int64_t likely_sample_bytes(const ImageSource& source, const Recipe& recipe) {
  if (recipe.store == Store::kOriginal) return mean_file_bytes(source);
  const int64_t size = *std::max_element(recipe.sizes.begin(), recipe.sizes.end());
  if (recipe.store == Store::kRaw) return size * size * recipe.decode.channels;
  // Photographs at quality 95 take about 0.35 bytes a pixel and channel.
  return std::max<int64_t>(1, size * size * 4 / 3 * recipe.decode.channels * 35 / 100);
}

Plan::Plan(const ImageSource& source, const Recipe& recipe, const PlanOptions& options)
    : images_(source.size()),
      is_shuffled_(options.is_shuffled),
      order_(static_cast<uint64_t>(options.seed), images_, 1),
      recipe_(recipe) {
  if (options.shards > images_) {
    throw core::UsageError("--shards = " + std::to_string(options.shards) + " is more than the " +
                               std::to_string(images_) + " images",
                           "ask for fewer shards");
  }
  const int64_t a_shard =
      std::max<int64_t>(1, options.shard_bytes / likely_sample_bytes(source, recipe));
  shards_ = options.shards > 0 ? options.shards : (images_ + a_shard - 1) / a_shard;
  core::Hasher hasher;
  for (int64_t i = 0; i < images_; ++i) {
    hasher.add_text(source.name(i));
    hasher.add_number(source.label(i));
  }
  for (const std::string& name : source.class_names()) hasher.add_text(name);
  hasher.add_number(is_shuffled_ ? options.seed : -1);
  hasher.add_number(shards_);
  source_digest_ = core::hex(hasher.digest());
}

std::string Plan::tag(int64_t size, int generation) const {
  core::Hasher hasher;
  hasher.add_text(source_digest_);
  for (const auto& [key, value] : recipe_.words(size)) {
    hasher.add_text(key);
    hasher.add_text(value);
  }
  hasher.add_number(generation);
  return core::hex(hasher.digest()).substr(0, 8);
}

}  // namespace bbg::data_prep
