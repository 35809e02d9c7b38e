#include "data/format1/format1.h"

#include <bit>

namespace bbg::data::format1 {

static_assert(std::endian::native == std::endian::little,
              "shards are little-endian and hashed as they lie in memory");

namespace {

template <class T>
void add_values(core::Hasher& hasher, std::span<const T> values) {
  hasher.add(std::as_bytes(values));
}

void add_number(core::Hasher& hasher, int64_t value) {
  add_values(hasher, std::span<const int64_t>(&value, 1));
}

// With its length, so that no two different headers hash the same bytes.
void add_text(core::Hasher& hasher, const std::string& text) {
  add_number(hasher, static_cast<int64_t>(text.size()));
  add_values(hasher, std::span<const char>(text));
}

}  // namespace

uint64_t header_checksum(const ShardHeader& header, std::span<const int64_t> labels,
                         std::span<const uint64_t> block_checksums) {
  core::Hasher hasher;
  add_text(hasher, kMagic);
  add_number(hasher, kFormatVersion);
  add_text(hasher, header.encoding);
  for (const int64_t value : {header.height, header.width, header.channels, header.num_samples,
                              header.shard_samples, header.first_index, header.shard_index,
                              header.shard_count, header.num_classes, header.block_samples}) {
    add_number(hasher, value);
  }
  add_text(hasher, header.class_names);
  add_text(hasher, header.fingerprint);
  add_text(hasher, header.source);
  add_values(hasher, labels);
  add_values(hasher, block_checksums);
  return hasher.digest();
}

uint64_t block_checksum(std::span<const uint8_t> pixels) {
  return core::hash64(std::as_bytes(pixels));
}

Fingerprint::Fingerprint(int64_t height, int64_t width, int64_t channels) {
  for (const int64_t value : {height, width, channels}) add_number(hasher_, value);
}

void Fingerprint::add(std::span<const uint8_t> pixels, int64_t label) {
  add_values(hasher_, pixels);
  add_number(hasher_, label);
}

}  // namespace bbg::data::format1
