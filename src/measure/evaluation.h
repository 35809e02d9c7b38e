#pragma once
// Measures the averaged networks (docs/choices.md 51, 52, 54): linear probe and 1-NN on E's or D's
// features beside the untrained network's and raw pixels, reconstruction error beside the error to
// another image; and draws samples and reconstructions. BN statistics are standing statistics, made
// anew before each use. All calls are collectives.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/image.h"
#include "core/values.h"
#include "data/shard_reader.h"
#include "eval/frechet.h"
#include "eval/reconstruct.h"
#include "measure/evaluation_progress.h"
#include "measure/sampler.h"
#include "measure/setup.h"
#include "measure/subject.h"

namespace bbg::measure {

// Images of a run's folder; on rank 0 alone.
struct Grids {
  std::optional<core::Image> samples;
  std::optional<core::Image> reconstructions;  // real on top, G(E(x)) below
};

class Evaluation {
 public:
  static constexpr int64_t kPixelSide = 32;  // of the images that the pixels' baseline reads

  // `test` may be null: then the last sixth of `train` is held out for the measures (training has
  // seen it). Both parts have at least one image for each rank.
  Evaluation(const Setup& setup, const data::ShardSet& train, const data::ShardSet* test,
             comm::Communicator& communicator, at::TensorOptions tensor_options,
             EvaluationProgress& progress);

  // Which measures the images' missing labels leave out, for one warning at the start; empty: none.
  std::string left_out() const;
  // The system has an encoder, and the test images the labels that a conditional G asks for.
  bool reconstructs() const;

  // Probe and neighbours have something to read, and all images that they read have labels.
  bool has_features() const;

  // Standing statistics of any encoder, over training images, which it keeps.
  void make_standing(model::Encoder& encoder) const;

  // Each of the three gives the subject standing statistics, and leaves it as it was, also where it
  // throws.
  Grids grids(const Subject& subject) const;
  // The measures as "eval.<measure>", for a curve over training.
  core::Values progress(const Subject& subject) const;
  // The content of evaluation.json; if it throws, `result` has what was measured before.
  void measure(const Subject& subject, nlohmann::ordered_json& result) const;

  // Names of what progress() gives.
  std::vector<std::string> progress_names() const;

 private:
  // Standing statistics of G and E.
  void prepare(const Subject& subject) const;
  core::Image reconstruction_grid(const Subject& subject) const;
  struct Split {
    const data::ShardSet* shards;
    int64_t first, count;
  };
  core::Batch read(const Split& split, int64_t first, int64_t count) const;  // on the device
  std::pair<int64_t, int64_t> own_part(int64_t count) const;
  // Calls `visit` with pieces of this rank's part of `count` images, eval.batch long at most.
  void for_each_batch(const std::string& what, int64_t count,
                      const std::function<void(int64_t first, int64_t count)>& visit) const;
  // [n_r, f] features and [n_r] labels of this rank's part of the split.
  std::pair<at::Tensor, at::Tensor> features(
      const Split& split, const std::function<at::Tensor(const at::Tensor&)>& map) const;
  // Accuracies in [0, 1] of a linear probe and of the nearest neighbour on the images' features;
  // eval.feature is applied to those of a network.
  std::pair<double, double> probe_and_neighbours(
      const std::function<at::Tensor(const at::Tensor&)>& map, bool is_network) const;
  // eval.network has features, and the data classes to tell apart.
  bool wants_features() const;
  // Of a linear probe and of the nearest neighbour on features of eval.network, trained, or where
  // `trained` is null as it starts.
  std::pair<double, double> accuracies(const Subject* trained) const;
  // Both beside each other, and on pixels.
  void measure_features(const Subject& subject, nlohmann::ordered_json& result) const;
  void measure_reconstruction(const Subject& subject, nlohmann::ordered_json& result) const;
  // Standing statistics of a network of images, by `forward`.
  void make_standing(nn::Network& network,
                     const std::function<void(const at::Tensor&)>& forward) const;
  core::Values curve_values(const Subject& subject) const;
  void final_values(const Subject& subject, nlohmann::ordered_json& result) const;
  eval::ReconstructionResult reconstruction(const Subject& subject) const;
  bool compares_samples() const;
  // Frechet distance of samples to the test images on coarse pixels: whatever else it cannot see,
  // it sees lost modes and drifting contrast, and needs no other network.
  double sample_distance(const Subject& subject, const eval::Gaussian& test) const;
  at::Tensor coarse(const Split& split) const;  // this rank's part, [n_r, C * 64]
  at::Tensor reconstruct(const Subject& subject, const core::Batch& batch) const;  // G(E(x))

  const Setup setup_;
  Split train_, test_;
  std::string unlabelled_;          // the first image without a label that probe or neighbours read
  std::string unlabelled_rebuilt_;  // and that a conditional G rebuilds
  comm::Communicator& communicator_;
  at::TensorOptions tensor_options_;
  EvaluationProgress& progress_;
  Sampler sampler_;
};

}  // namespace bbg::measure
