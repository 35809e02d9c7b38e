#pragma once
// Counter-based random numbers: Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A stream is named by (seed, purpose, step, sample index) and by nothing else,
// so what a sample receives does not depend on rank, world size or history. Pure values: any thread
// may use its own stream. There is no global generator.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace bbg::core {

// The purpose of a stream; part of its name. Never reorder: numbers are part of every run's
// reproducibility.
enum class Purpose : uint32_t {
  kInitialise = 1,  // parameters; step = hash of the parameter's name
  kShuffle = 2,     // sample order; step = epoch
  kPrior = 3,       // z ~ P_z
  kEncoder = 4,     // epsilon of the stochastic encoder
  kAugment = 5,     // crops and flips
  kEvaluate = 6,    // evaluation codes and splits
  kFakeLabel = 7,   // labels of generated images
  kDiffAug = 8,     // changes of what D sees: of the real image, then of the generated one
};

// The Philox-4x32 block function, ten rounds.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

class RandomStream {
 public:
  RandomStream(uint64_t seed, Purpose purpose, uint64_t step, uint64_t sample);

  // Goes on as if so many blocks of four next_uint32(), from a block's border, had been taken.
  void skip_blocks(uint32_t count);
  uint32_t next_uint32();
  double next_uniform();                   // in [0, 1), 32 bits
  double next_normal();                    // N(0, 1), Box-Muller
  uint64_t next_below(uint64_t bound);     // in [0, bound), unbiased
  void fill_normal(std::span<float> out);  // the same numbers as next_normal()
  void fill_normal(std::span<double> out);

 private:
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

// FNV-1a, to name streams by text.
uint64_t hash_name(std::string_view name);

}  // namespace bbg::core
