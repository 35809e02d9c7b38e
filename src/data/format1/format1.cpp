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

}  // namespace

uint64_t header_checksum(const ShardHeader& header, std::span<const int64_t> labels,
                         std::span<const uint64_t> block_checksums) {
  core::Hasher hasher;
  hasher.add_text(kMagic);
  hasher.add_number(kFormatVersion);
  hasher.add_text(header.encoding);
  for (const int64_t value : {header.height, header.width, header.channels, header.num_samples,
                              header.shard_samples, header.first_index, header.shard_index,
                              header.shard_count, header.num_classes, header.block_samples}) {
    hasher.add_number(value);
  }
  hasher.add_text(header.class_names);
  hasher.add_text(header.fingerprint);
  hasher.add_text(header.source);
  add_values(hasher, labels);
  add_values(hasher, block_checksums);
  return hasher.digest();
}

uint64_t block_checksum(std::span<const uint8_t> pixels) {
  return core::hash64(std::as_bytes(pixels));
}

Fingerprint::Fingerprint(int64_t height, int64_t width, int64_t channels) {
  for (const int64_t value : {height, width, channels}) hasher_.add_number(value);
}

void Fingerprint::add(std::span<const uint8_t> pixels, int64_t label) {
  add_values(hasher_, pixels);
  hasher_.add_number(label);
}

}  // namespace bbg::data::format1
