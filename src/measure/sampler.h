#pragma once
// Images from an averaged G for evaluation, grids and files: the draws that they come from,
// truncated as eval.truncation says, and the standing statistics of batch norm that belong to them
// (Brock et al. 2019, section 3.1 and appendix; docs/choices.md 52, 53). Needs no data set. Draws
// of training count up from 0; none of these meet them.

#include <functional>
#include <vector>

#include "comm/communicator.h"
#include "core/image.h"
#include "measure/evaluation_progress.h"
#include "measure/setup.h"
#include "model/generator.h"

namespace bbg::measure {

// Groups of images that differ from each other; those of the command count down from the last.
inline constexpr int64_t kGridDraw = -1'000'000'000, kSamplesDraw = -3'000'000'000,
                         kSampleCommandDraw = -4'000'000'000;

// [C, S, S] in [-1, 1] -> 8-bit pixels.
core::Image to_image(const at::Tensor& tensor);

// Standing statistics of `network` over `passes` calls of `forward`, which runs it on batches of
// its own; then it is in evaluation mode.
void take_standing(nn::Network& network, int64_t passes, EvaluationProgress& progress,
                   const std::function<void(int64_t pass)>& forward);

class Sampler {
 public:
  Sampler(const Setup& setup, comm::Communicator& communicator, at::TensorOptions tensor_options)
      : setup_(setup), communicator_(communicator), tensor_options_(tensor_options) {}

  // Standing statistics over eval.standing-passes batches; leaves the generator in evaluation mode.
  // A collective.
  void make_standing(model::Generator& generator, EvaluationProgress& progress) const;

  // Rank-local, after make_standing(). Images `first` to first + count of a draw, [count, C, S, S]
  // in [-1, 1]; image i is the same whatever the numbers. labels [count] int64, or of the draw.
  at::Tensor images(model::Generator& generator, int64_t draw, int64_t first, int64_t count,
                    const at::Tensor& labels = {}) const;
  // Images come in rows of so many.
  static constexpr int64_t kColumns = 8;
  // Labels of images `first` to first + count, a row of one class each: of `classes` in turn, of
  // all where there are none. [count] int64.
  at::Tensor class_a_row(int64_t first, int64_t count, const std::vector<int64_t>& classes) const;
  // `count` images in rows; of a conditional model a class a row.
  core::Image grid(model::Generator& generator, int64_t draw, int64_t count,
                   const std::vector<int64_t>& classes = {}) const;

 private:
  const Setup setup_;
  comm::Communicator& communicator_;
  at::TensorOptions tensor_options_;
};

}  // namespace bbg::measure
