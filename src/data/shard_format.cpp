#include "data/shard_format.h"

#include <bit>
#include <cstdio>

namespace bbg::data {

static_assert(std::endian::native == std::endian::little,
              "shards are little-endian and hashed as they lie in memory");

namespace {

template <class T>
void add_values(core::Hasher& hasher, std::span<const T> values) {
  hasher.add(std::as_bytes(values));
}

}  // namespace

uint64_t sample_digest(std::span<const uint8_t> bytes, int64_t label) {
  return core::hash64(std::as_bytes(bytes), static_cast<uint64_t>(label));
}

Fingerprint::Fingerprint(Encoding encoding, int64_t height, int64_t width, int64_t channels) {
  hasher_.add_text(core::word_of(kEncodings, encoding));
  for (const int64_t value : {height, width, channels}) hasher_.add_number(value);
}

void Fingerprint::add(std::span<const uint64_t> digests) { add_values(hasher_, digests); }

std::string shard_digest(std::span<const uint64_t> digests, const std::string& names,
                         std::span<const int64_t> name_offsets, const std::string& left_out) {
  core::Hasher hasher;
  hasher.add_number(static_cast<int64_t>(digests.size()));
  add_values(hasher, digests);
  hasher.add_text(names);
  add_values(hasher, name_offsets);
  hasher.add_text(left_out);
  return core::hex(hasher.digest());
}

std::string shard_file_name(const std::string& plan, int64_t index, int64_t count) {
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "-%05lld-of-%05lld.h5", static_cast<long long>(index),
                static_cast<long long>(count));
  return "data-" + plan + numbers;
}

}  // namespace bbg::data
