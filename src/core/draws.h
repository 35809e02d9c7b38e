#pragma once
// Numbers of draws. Whatever is drawn for a group of images (a global batch of training, a grid,
// the samples of an evaluation) is named by seed, draw and slot (core/rng.h). This is the one place
// that hands out numbers, so that no two groups share one.
//
// Training counts up from 0; evaluation and the commands count down from -1.

#include <cstdint>

namespace bbg::core {

// A way of training: from the start, or from a point that the run went back to. Each way has draws
// of its own, so that samples, noise and changes of images are not those that led into trouble.
inline constexpr int64_t kDrawsOfAWay = int64_t{1} << 36;

// The first draw of the step that follows `step` finished ones.
constexpr int64_t training_draw(int64_t rollbacks, int64_t step, int64_t draws_per_step) {
  return rollbacks * kDrawsOfAWay + step * draws_per_step;
}

// A pass over standing statistics; there are fewer than 1e9.
constexpr int64_t standing_draw(int64_t pass) { return -1 - pass; }
inline constexpr int64_t kGridDraw = -1'000'000'000;     // grids of samples
inline constexpr int64_t kExampleDraw = -2'000'000'000;  // the example inside an exported file
inline constexpr int64_t kSamplesDraw = -3'000'000'000;  // samples that are measured
inline constexpr int64_t kEncodeDraw = -5'000'000'000;   // z_sample of `bbg_dist encode`
// A random view of the training images that a linear protocol learns from; number in [1, 1e6].
constexpr int64_t view_draw(int64_t number) { return -6'000'000'000 - number; }
// `bbg_dist sample --draw number`, number in [0, 1e6].
constexpr int64_t sample_command_draw(int64_t number) { return -4'000'000'000 - number; }

}  // namespace bbg::core
