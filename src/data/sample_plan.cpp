#include "data/sample_plan.h"

#include "core/error.h"
#include "core/rng.h"

namespace bbg::data {

namespace {

// Four rounds of a Feistel network with random round functions look like a random permutation (Luby
// & Rackoff 1988); the halves of small data sets have few values, so there are twice as many.
constexpr uint32_t kRounds = 8;

uint64_t feistel(uint64_t value, int half_bits, uint64_t epoch, std::array<uint32_t, 2> key) {
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  uint64_t left = value >> half_bits;
  uint64_t right = value & mask;
  for (uint32_t round = 0; round < kRounds; ++round) {
    const auto mixed =
        core::philox({static_cast<uint32_t>(right), round, static_cast<uint32_t>(epoch),
                      static_cast<uint32_t>(epoch >> 32)},
                     key);
    const uint64_t next = left ^ (mixed[0] & mask);
    left = right;
    right = next;
  }
  return left << half_bits | right;
}

}  // namespace

SamplePlan::SamplePlan(uint64_t seed, int64_t num_samples, int64_t global_batch,
                       int64_t first_image)
    : seed_(seed),
      num_samples_(num_samples),
      global_batch_(global_batch),
      first_image_(first_image),
      half_bits_(1) {
  BBG_CHECK(num_samples > 0 && global_batch > 0, "a plan without samples");
  while (half_bits_ < 31 && int64_t{1} << (2 * half_bits_) < num_samples) ++half_bits_;
}

int64_t SamplePlan::permuted(int64_t epoch, int64_t place) const {
  // Keys of other purposes differ in the counter's third word (core/rng.cpp mixes the same way).
  const auto mixed =
      core::philox({0, 0, static_cast<uint32_t>(core::Purpose::kShuffle), 0x46454953},
                   {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
  auto value = static_cast<uint64_t>(place);
  // Cycle walking: the network permutes a power of four; following it until the value is back below
  // num_samples gives a permutation of just those. On average fewer than four turns.
  do {
    value = feistel(value, half_bits_, static_cast<uint64_t>(epoch), {mixed[0], mixed[1]});
  } while (value >= static_cast<uint64_t>(num_samples_));
  return static_cast<int64_t>(value);
}

SamplePlan::Position SamplePlan::position(int64_t draw, int64_t slot) const {
  const int64_t image = first_image_ + draw * global_batch_ + slot;
  BBG_CHECK(draw >= 0 && slot >= 0 && slot < global_batch_ && image >= 0,
            "position outside the plan");
  return {.epoch = image / num_samples_, .place = image % num_samples_};
}

int64_t SamplePlan::sample_id(int64_t draw, int64_t slot) const {
  const Position at = position(draw, slot);
  return permuted(at.epoch, at.place);
}

}  // namespace bbg::data
