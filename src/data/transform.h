#pragma once
// Random changes of training images: which part of an image is taken, and whether it is mirrored.
// The choice depends on the image's size and on (seed, draw, slot of the global batch) alone, never
// on the rank or thread that reads it. Pure functions.
//
// Sources: Inception's crop (Szegedy et al. 2015, section 6) with the numbers of torchvision's
// RandomResizedCrop; the crop along the longer edge is that of BigGAN-PyTorch's RandomCropLongEdge,
// whose last place is never drawn and whose two axes are exchanged: here all places are alike.

#include <cstdint>
#include <span>

#include "core/rng.h"
#include "core/words.h"
#include "data/flip.h"
#include "data/pixels.h"
#include "data/resample.h"

namespace bbg::data {

enum class Augment {
  kNone,         // the middle
  kRandomPlace,  // a random place, without another scale
  kRandomArea,   // a random area of random shape at a random place
};
inline constexpr core::Word<Augment> kAugments[] = {{"none", Augment::kNone},
                                                    {"random-place", Augment::kRandomPlace},
                                                    {"random-area", Augment::kRandomArea}};

// A part of an image, px.
struct Box {
  int64_t top = 0, left = 0, height = 0, width = 0;
  bool operator==(const Box&) const = default;
};

inline Pixels window(const Pixels& pixels, const Box& box) {
  return window(pixels, box.top, box.left, box.height, box.width);
}

// The square in the middle (an odd rest is left on the right or below).
Box centre_square(int64_t height, int64_t width, int64_t side);
// The largest one.
Box centre_square(int64_t height, int64_t width);

// A square, uniform over all places where it lies inside. Takes the row's number first.
Box random_place(core::RandomStream& stream, int64_t height, int64_t width, int64_t side);
// The largest one, which only moves along the longer edge.
Box random_square_on_long_edge(core::RandomStream& stream, int64_t height, int64_t width);

// A fraction of the area, uniform in [0.08, 1], and a ratio of width to height whose logarithm is
// uniform in [log 3/4, log 4/3]; sides are rounded half to even. What does not fit is drawn again;
// after ten times it is the middle, with the ratio brought into those bounds.
Box random_area_box(core::RandomStream& stream, int64_t height, int64_t width);

struct TransformOptions {
  Augment augment = Augment::kNone;
  bool flip = false;
  int64_t size = 0;             // px a side of what comes out
  bool is_equal_sized = false;  // all images of the data set have one size, at least `size`
};

// The random choices of one sample.
struct Choice {
  Box box;
  bool is_flipped = false;
  bool operator==(const Choice&) const = default;
};

//                 images of one size                  sizes that differ (all are resampled)
// kNone           size x size in the middle           the largest square in the middle
// kRandomPlace    size x size at a random place       the largest square at a random place
// kRandomArea     random_area_box, resampled          random_area_box
//
// One in two is mirrored where options.flip is set. The first number of the sample's stream is the
// flip's, used or not; the box takes those after it.
Choice choose(const TransformOptions& options, uint64_t seed, int64_t draw, int64_t slot,
              int64_t height, int64_t width);

// Pixels of a box -> out [size, size, channels]: resampled where the box has another size, then
// mirrored if is_flipped. out lies apart from the pixels.
void apply(const Pixels& box, bool is_flipped, int64_t size, Resampler& resampler,
           std::span<uint8_t> out);

}  // namespace bbg::data
