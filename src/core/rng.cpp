#include "core/rng.h"

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace bbg::core {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(a)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

// The name of a stream must fit into 64 bits of key and 96 bits of counter (the last word counts
// blocks): the names are mixed by one Philox block each, so that neither huge seeds nor 64-bit
// hashes as step lose bits.
RandomStream::RandomStream(uint64_t seed, Purpose purpose, uint64_t step, uint64_t sample) {
  const auto mixed = philox({static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32),
                             static_cast<uint32_t>(purpose), 0x42424721},
                            {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  key_ = {mixed[0], mixed[1]};
  counter_ = {0, static_cast<uint32_t>(sample), static_cast<uint32_t>(sample >> 32), mixed[2]};
}

void RandomStream::skip_blocks(uint32_t count) {
  BBG_CHECK(used_ == 4 && !has_spare_, "random numbers are skipped in whole blocks");
  counter_[0] += count;
}

uint32_t RandomStream::next_uint32() {
  if (used_ == 4) {
    block_ = philox(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

double RandomStream::next_uniform() { return next_uint32() * 0x1p-32; }

double RandomStream::next_normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log((next_uint32() + 0.5) * 0x1p-32));
  const double angle = 2.0 * std::numbers::pi * next_uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

uint64_t RandomStream::next_below(uint64_t bound) {
  BBG_CHECK(bound > 0, "random number below zero asked for");
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    const uint64_t high = next_uint32();
    const uint64_t value = high << 32 | next_uint32();
    if (value < limit) return value % bound;
  }
}

void RandomStream::fill_normal(std::span<float> out) {
  for (float& value : out) value = static_cast<float>(next_normal());
}

void RandomStream::fill_normal(std::span<double> out) {
  for (double& value : out) value = next_normal();
}

uint64_t hash_name(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace bbg::core
