#include "data_prep/conversion/plan.h"

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"

namespace bbg::data_prep {

namespace {

constexpr int64_t kFilesAsked = 64;  // for the mean size of a source's files

void add(core::Hasher& hasher, const std::string& text) {
  const auto size = static_cast<int64_t>(text.size());
  hasher.add(std::as_bytes(std::span(&size, 1)));
  hasher.add(std::as_bytes(std::span(text)));
}

void add(core::Hasher& hasher, int64_t value) { hasher.add(std::as_bytes(std::span(&value, 1))); }

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
    add(hasher, source.name(i));
    add(hasher, source.label(i));
  }
  for (const std::string& name : source.class_names()) add(hasher, name);
  add(hasher, is_shuffled_ ? options.seed : -1);
  add(hasher, shards_);
  source_digest_ = core::hex(hasher.digest());
}

std::string Plan::tag(int64_t size, int generation) const {
  core::Hasher hasher;
  add(hasher, source_digest_);
  for (const auto& [key, value] : recipe_.words(size)) {
    add(hasher, key);
    add(hasher, value);
  }
  add(hasher, int64_t{generation});
  return core::hex(hasher.digest()).substr(0, 8);
}

}  // namespace bbg::data_prep
