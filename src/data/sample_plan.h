#pragma once
// Which sample stands where in a run: a pure function of (seed, number of samples, position), so no
// rank stores or sends anything, and resuming at any draw on any number of ranks reads the same
// samples. Within an epoch every sample comes exactly once.

#include <cstdint>

namespace bbg::data {

class SamplePlan {
 public:
  // `first_image` shifts all positions, so that a run which goes on with another global batch goes
  // on behind the image where it was; it may be negative, but no position that is asked for.
  SamplePlan(uint64_t seed, int64_t num_samples, int64_t global_batch, int64_t first_image = 0);

  // Sample of a slot of a global batch. `draw` numbers the global batches since the start of the
  // run (a step draws several). Epochs follow each other without a gap: a batch may hold the end of
  // one and the start of the next. Which slots are a rank's: core/slots.h.
  int64_t sample_id(int64_t draw, int64_t slot) const;
  // Where in the order of samples that slot stands.
  struct Position {
    int64_t epoch, place;
  };
  Position position(int64_t draw, int64_t slot) const;
  // The sample at a place of an epoch's permutation.
  int64_t permuted(int64_t epoch, int64_t place) const;

  uint64_t seed() const { return seed_; }
  int64_t num_samples() const { return num_samples_; }
  int64_t global_batch() const { return global_batch_; }

 private:
  uint64_t seed_;
  int64_t num_samples_;
  int64_t global_batch_;
  int64_t first_image_;
  int half_bits_;  // the Feistel network permutes [0, 4^half_bits)
};

}  // namespace bbg::data
