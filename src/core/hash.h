#pragma once
// XXH3 (xxHash library) as the project's one checksum: shards, data-set fingerprints, checkpoints,
// replica checks.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bbg::core {

uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed = 0);

// The same over pieces.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  void add(std::span<const std::byte> bytes);
  void add_number(int64_t value);  // 64 bits, as they lie in memory
  // With its length, so that no two different texts in a row hash the same bytes.
  void add_text(const std::string& text);
  uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hex(uint64_t value);  // 16 lower-case digits

}  // namespace bbg::core
