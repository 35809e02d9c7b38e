#pragma once
// Images from an averaged G for evaluation, grids and files: the draws that they come from,
// truncated as eval.truncation says (Brock et al. 2019, section 3.1; docs/choices.md 53). Needs no
// data set. Draws of training count up from 0; none of these meet them. Rank-local.

#include <functional>
#include <vector>

#include "core/image.h"
#include "measure/context.h"
#include "model/generator.h"
#include "train/noise.h"

namespace bbg::measure {

// Values in [-1, 1] -> bytes, rounded; of any shape.
at::Tensor to_bytes(const at::Tensor& images);
// [C, S, S] in [-1, 1] -> 8-bit pixels.
core::Image to_image(const at::Tensor& tensor);

// Standard normal numbers for samples of E's distribution at images `first` to first + count of a
// set, [count, z_dim] on the device; image i's are the same in any batch. As `bbg_dist encode` has
// them.
at::Tensor encoder_noise(const Context& context, int64_t first, int64_t count);

class Sampler {
 public:
  explicit Sampler(const Context& context)
      : setup_(context.setup), tensor_options_(context.tensor_options) {}

  // Codes, and labels of a conditional model, of images `first` to first + count of a draw.
  train::Noise noise(int64_t draw, int64_t first, int64_t count) const;
  // After make_standing(). Images `first` to first + count of a draw, [count, C, S, S] in [-1,
  // 1]; image i is the same whatever the numbers. labels [count] int64, or of the draw.
  at::Tensor images(model::Generator& generator, int64_t draw, int64_t first, int64_t count,
                    const at::Tensor& labels = {}) const;
  // Images come in rows of so many.
  static constexpr int64_t kColumns = 8;
  // Labels of images `first` to first + count, a row of one class each: of `classes` in turn, of
  // all where there are none. [count] int64.
  at::Tensor class_a_row(int64_t first, int64_t count, const std::vector<int64_t>& classes) const;
  // `count` images in rows, which `images` makes of so many from `first` on.
  core::Image grid(int64_t count,
                   const std::function<at::Tensor(int64_t first, int64_t count)>& images) const;
  // The same of a draw; of a conditional model a class a row.
  core::Image grid(model::Generator& generator, int64_t draw, int64_t count) const;

 private:
  const Setup setup_;
  at::TensorOptions tensor_options_;
};

}  // namespace bbg::measure
