#include "core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>

namespace bbg::core {

struct Hasher::State {
  XXH3_state_t xxh;
};

uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hasher::Hasher() : state_(new State) { XXH3_64bits_reset(&state_->xxh); }
Hasher::~Hasher() = default;

void Hasher::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void Hasher::add_number(int64_t value) { add(std::as_bytes(std::span(&value, 1))); }

void Hasher::add_text(const std::string& text) {
  add_number(static_cast<int64_t>(text.size()));
  add(std::as_bytes(std::span(text)));
}

uint64_t Hasher::digest() const { return XXH3_64bits_digest(&state_->xxh); }

std::string hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace bbg::core
