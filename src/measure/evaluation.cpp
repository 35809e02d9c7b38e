#include "measure/evaluation.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "data/loader.h"
#include "eval/crelu.h"
#include "eval/frechet.h"
#include "eval/neighbours.h"
#include "eval/probe.h"
#include "eval/reconstruct.h"
#include "report/image_grid.h"
#include "train/step.h"

namespace bbg::measure {

namespace {

constexpr int64_t kCoarse = 8;
constexpr int64_t kGridSamples = 64, kGridReconstructions = 40, kReconstructionColumns = 10;

// [N, C, S, S] -> [N, C * 8 * 8], averages of parts of equal size.
at::Tensor coarse_pixels(const at::Tensor& images) {
  return at::adaptive_avg_pool2d(images, {kCoarse, kCoarse}).flatten(1);
}

}  // namespace

Evaluation::Evaluation(const Setup& setup, const data::ShardSet& train, const data::ShardSet* test,
                       comm::Communicator& communicator, at::TensorOptions tensor_options,
                       EvaluationProgress& progress)
    : setup_(setup),
      train_{&train, 0, train.size()},
      test_{test, 0, 0},
      communicator_(communicator),
      tensor_options_(tensor_options),
      progress_(progress),
      sampler_(setup, communicator, tensor_options) {
  if (test != nullptr) {
    test_.count = test->size();
  } else {
    test_ = {&train, train.size() - train.size() / 6, train.size() / 6};
    train_.count = test_.first;
  }
  const auto without_label = [](const Split& split, int64_t count, const std::string& path) {
    const auto sample = split.shards->first_without_label(split.first, count);
    return sample ? "sample " + std::to_string(*sample) + " of " + path + " has no label" : "";
  };
  const std::string& test_path = test != nullptr ? setup.data.test_shards : setup.data.shards;
  const eval::EvaluateOptions& options = setup.evaluate;
  unlabelled_ = without_label(
      train_, std::min(train_.count, std::max(options.probe_train, options.neighbours_train)),
      setup.data.shards);
  if (unlabelled_.empty()) {
    unlabelled_ = without_label(
        test_, std::min(test_.count, std::max(options.probe_test, options.neighbours_test)),
        test_path);
  }
  if (setup.model.is_conditional()) {
    unlabelled_rebuilt_ = without_label(test_, test_.count, test_path);
  }
}

bool Evaluation::reconstructs() const {
  return setup_.model.has_encoder() && unlabelled_rebuilt_.empty();
}

std::string Evaluation::left_out() const {
  const bool no_features = wants_features() && !has_features();
  const bool no_reconstructions = setup_.model.has_encoder() && !reconstructs();
  if (!no_features && !no_reconstructions) return "";
  return std::string(no_features ? "linear probe and nearest neighbour" : "") +
         (no_features && no_reconstructions ? ", and " : "") +
         (no_reconstructions ? "reconstructions" : "") +
         " are left out of the evaluation: " + (no_features ? unlabelled_ : unlabelled_rebuilt_);
}

core::Batch Evaluation::read(const Split& split, int64_t first, int64_t count) const {
  core::Batch batch = data::read_range(*split.shards, split.first + first, count, setup_.data.crop);
  batch.images = batch.images.to(tensor_options_);
  return batch;
}

std::pair<int64_t, int64_t> Evaluation::own_part(int64_t count) const {
  const int64_t first = count * communicator_.rank() / communicator_.size();
  return {first, count * (communicator_.rank() + 1) / communicator_.size() - first};
}

void Evaluation::for_each_batch(
    const std::string& what, int64_t count,
    const std::function<void(int64_t first, int64_t count)>& visit) const {
  const int64_t batch = setup_.evaluate.batch, size = communicator_.size();
  const auto [first, own] = own_part(count);
  // Of the rank that has most, so that all ranks pass equally often.
  const int64_t largest = (count + size - 1) / size, batches = (largest + batch - 1) / batch;
  progress_.begin(what, batches);
  for (int64_t i = 0; i < batches; ++i) {
    const int64_t done = std::min(i * batch, own), piece = std::min(batch, own - done);
    if (piece > 0) visit(first + done, piece);
    progress_.batch_done();
  }
}

void Evaluation::make_standing(nn::Network& network,
                               const std::function<void(const at::Tensor&)>& forward) const {
  const int64_t size = communicator_.size();
  // In equal shares, as G's.
  const int64_t share = std::max<int64_t>(1, std::min(setup_.evaluate.batch, train_.count) / size);
  take_standing(network, setup_.evaluate.standing_passes, progress_, [&](int64_t pass) {
    const int64_t start =
        pass * share * size % std::max<int64_t>(1, train_.count - share * size + 1);
    forward(read(train_, start + share * communicator_.rank(), share).images);
  });
}

void Evaluation::make_standing(model::Encoder& encoder) const {
  make_standing(encoder, [&](const at::Tensor& x) { encoder.forward(x); });
}

void Evaluation::prepare(const Subject& subject) const {
  sampler_.make_standing(subject.generator, progress_);
  if (subject.encoder != nullptr) make_standing(*subject.encoder);
  progress_.end();
}

Grids Evaluation::grids(const Subject& subject) const {
  Grids grids;
  leave_as_found(subject, [&] {
    prepare(subject);
    if (communicator_.rank() != 0) return;
    // The same codes at every step, so that grids over time show one image each growing.
    grids.samples = sampler_.grid(subject.generator, kGridDraw, kGridSamples);
    if (reconstructs()) grids.reconstructions = reconstruction_grid(subject);
  });
  return grids;
}

at::Tensor Evaluation::reconstruct(const Subject& subject, const core::Batch& batch) const {
  return subject.generator.forward(subject.encoder->forward(batch.images).mean,
                                   batch.labels.to(tensor_options_.device()));
}

core::Image Evaluation::reconstruction_grid(const Subject& subject) const {
  const int64_t count = std::min(kGridReconstructions, test_.count);
  std::vector<core::Image> real, reconstructed, tiles;
  for (int64_t first = 0; first < count; first += setup_.evaluate.batch) {
    const core::Batch batch = read(test_, first, std::min(setup_.evaluate.batch, count - first));
    const at::Tensor shown = train::shrink(batch.images, setup_.model.resolution);
    const at::Tensor made = reconstruct(subject, batch);
    for (int64_t i = 0; i < made.size(0); ++i) {
      real.push_back(to_image(shown[i]));
      reconstructed.push_back(to_image(made[i]));
    }
  }
  for (int64_t row = 0; row < count; row += kReconstructionColumns) {
    const int64_t end = std::min(row + kReconstructionColumns, count);
    tiles.insert(tiles.end(), real.begin() + row, real.begin() + end);
    tiles.insert(tiles.end(), reconstructed.begin() + row, reconstructed.begin() + end);
  }
  return report::make_grid(tiles, kReconstructionColumns, 2);
}

std::pair<at::Tensor, at::Tensor> Evaluation::features(
    const Split& split, const std::function<at::Tensor(const at::Tensor&)>& map) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> features, labels;
  for_each_batch("features", split.count, [&](int64_t first, int64_t count) {
    const core::Batch batch = read(split, first, count);
    features.push_back(map(batch.images).to(at::kFloat));
    labels.push_back(batch.labels);
  });
  if (features.empty()) {  // fewer images than ranks
    const core::Batch one = read(split, 0, 1);
    features.push_back(map(one.images).to(at::kFloat).narrow(0, 0, 0));
    labels.push_back(one.labels.narrow(0, 0, 0));
  }
  return {at::cat(features), at::cat(labels).to(tensor_options_.device())};
}

std::pair<double, double> Evaluation::probe_and_neighbours(
    const std::function<at::Tensor(const at::Tensor&)>& map, bool is_network) const {
  const eval::EvaluateOptions& options = setup_.evaluate;
  const auto first = [](Split split, int64_t count) {
    split.count = std::min(split.count, count);
    return split;
  };
  auto [train, train_labels] = features(first(train_, options.probe_train), map);
  auto [test, test_labels] = features(first(test_, options.probe_test), map);
  std::optional<eval::BnCrelu> crelu;
  if (is_network && options.feature == eval::Feature::kBnCrelu) crelu.emplace(communicator_, train);
  const auto change = [&](at::Tensor& features) {
    if (crelu) features = (*crelu)(features);
  };
  change(train);
  change(test);
  eval::ProbeOptions probe_options = options.probe();
  progress_.begin("linear probe", options.probe_iterations * (options.probe_choose_l2 ? 6 : 1));
  probe_options.pass_done = [&] { progress_.batch_done(); };
  const double probe =
      eval::linear_probe(communicator_, train, train_labels, test, test_labels, probe_options)
          .accuracy;
  // The neighbours' images are the first of the probe's, as far as those go.
  const auto fewer = [&](Split split, int64_t probed, int64_t wanted, at::Tensor& images,
                         at::Tensor& labels) {
    if (std::min(split.count, wanted) > std::min(split.count, probed)) {
      std::tie(images, labels) = features(first(split, wanted), map);
      change(images);
      return;
    }
    const auto [start, count] = own_part(std::min(split.count, probed));
    const int64_t own = std::clamp<int64_t>(wanted - start, 0, count);
    images = images.narrow(0, 0, own);
    labels = labels.narrow(0, 0, own);
  };
  fewer(train_, options.probe_train, options.neighbours_train, train, train_labels);
  fewer(test_, options.probe_test, options.neighbours_test, test, test_labels);
  progress_.begin("nearest neighbours", 1);
  const double neighbour =
      eval::nearest_neighbour_accuracy(communicator_, train, train_labels, test, test_labels, 1,
                                       [&](int64_t passes) { progress_.batch_done(passes); });
  return {probe, neighbour};
}

bool Evaluation::wants_features() const {
  // With one class there is nothing to tell apart; without any, something is missing.
  return train_.shards->num_classes() != 1 &&
         (setup_.evaluate.network == eval::FeatureNetwork::kDiscriminator ||
          setup_.model.has_encoder());
}

bool Evaluation::has_features() const { return wants_features() && unlabelled_.empty(); }

std::pair<double, double> Evaluation::accuracies(const Subject* trained) const {
  const auto seed = static_cast<uint64_t>(setup_.seed);
  if (setup_.evaluate.network == eval::FeatureNetwork::kDiscriminator) {
    // A copy: training may go on, with D's own statistics.
    model::Discriminator copy(setup_.model, communicator_, seed, tensor_options_);
    if (trained != nullptr) nn::copy_state(*trained->discriminator, copy);
    const auto feature = [&](const at::Tensor& x) {
      return copy.feature(train::shrink(x, setup_.model.resolution));
    };
    make_standing(copy, feature);
    return probe_and_neighbours(feature, true);
  }
  const auto of = [&](model::Encoder& encoder) {
    return probe_and_neighbours([&](const at::Tensor& x) { return encoder.forward(x).feature; },
                                true);
  };
  if (trained != nullptr) return of(*trained->encoder);
  model::Encoder untrained(setup_.model, communicator_, seed, tensor_options_);
  make_standing(untrained);
  return of(untrained);
}

void Evaluation::measure_features(const Subject& subject, nlohmann::ordered_json& result) const {
  const eval::EvaluateOptions& options = setup_.evaluate;
  const auto add = [&](const char* of, const std::pair<double, double>& accuracies) {
    result["linear_probe"][of] = accuracies.first;
    result["nearest_neighbour"][of] = accuracies.second;
  };
  add("trained", accuracies(&subject));
  if (options.measures_untrained()) add("untrained", accuracies(nullptr));
  const int64_t side = setup_.model.data_resolution(), pixel_side = std::min(side, kPixelSide);
  if (options.measures_pixels()) {
    add("pixels",
        probe_and_neighbours(
            [&](const at::Tensor& x) { return train::shrink(x, pixel_side).flatten(1); }, false));
  }
  const auto counts = [&](int64_t train, int64_t test) {
    return std::to_string(std::min(train_.count, train)) + " training and " +
           std::to_string(std::min(test_.count, test)) + " test images";
  };
  result["protocol"]["feature"] =
      std::string(options.network == eval::FeatureNetwork::kDiscriminator
                      ? "of D as trained, not averaged"
                      : "of E's trunk") +
      (options.feature == eval::Feature::kBnCrelu ? ", through batch norm and CReLU" : "");
  if (options.measures_pixels() && side > pixel_side) {
    result["protocol"]["pixels"] =
        "averaged to " + std::to_string(pixel_side) + "x" + std::to_string(pixel_side);
  }
  result["protocol"]["linear_probe"] =
      "multinomial logistic regression on standardised features, " +
      counts(options.probe_train, options.probe_test);
  result["protocol"]["nearest_neighbour"] =
      "1-NN, Euclidean, " + counts(options.neighbours_train, options.neighbours_test);
}

eval::ReconstructionResult Evaluation::reconstruction(const Subject& subject) const {
  std::vector<at::Tensor> images, reconstructions;
  for_each_batch("reconstructions", test_.count, [&](int64_t first, int64_t count) {
    const core::Batch batch = read(test_, first, count);
    images.push_back(train::shrink(batch.images, setup_.model.resolution));
    reconstructions.push_back(reconstruct(subject, batch));
  });
  return eval::reconstruction_error(communicator_, images, reconstructions);
}

at::Tensor Evaluation::coarse(const Split& split) const {
  return features(split,
                  [&](const at::Tensor& x) {
                    return coarse_pixels(train::shrink(x, setup_.model.resolution));
                  })
      .first;
}

bool Evaluation::compares_samples() const {
  return std::min({setup_.evaluate.samples, test_.count, train_.count}) >= 2;
}

double Evaluation::sample_distance(const Subject& subject, const eval::Gaussian& test) const {
  // Empty, but of the right width, on ranks without a part.
  std::vector<at::Tensor> parts = {
      coarse_pixels(sampler_.images(subject.generator, kSamplesDraw, 0, 1)).narrow(0, 0, 0)};
  for_each_batch("samples", setup_.evaluate.samples, [&](int64_t first, int64_t count) {
    parts.push_back(coarse_pixels(sampler_.images(subject.generator, kSamplesDraw, first, count)));
  });
  return eval::frechet_distance(eval::fit_gaussian(communicator_, at::cat(parts)), test);
}

std::vector<std::string> Evaluation::progress_names() const {
  std::vector<std::string> names;
  const auto add = [&](bool is_measured, std::initializer_list<const char*> measures) {
    if (is_measured) names.insert(names.end(), measures.begin(), measures.end());
  };
  add(compares_samples(), {"eval.frechet_pixels"});
  add(has_features(), {"eval.linear_probe", "eval.nearest_neighbour"});
  add(reconstructs(), {"eval.reconstruction_error", "eval.reconstruction_error_random",
                       "eval.reconstruction_ratio"});
  return names;
}

core::Values Evaluation::progress(const Subject& subject) const {
  core::Values values;
  leave_as_found(subject, [&] { values = curve_values(subject); });
  progress_.end();
  return values;
}

core::Values Evaluation::curve_values(const Subject& subject) const {
  core::Values values;
  prepare(subject);
  if (compares_samples()) {
    values.emplace_back("eval.frechet_pixels",
                        sample_distance(subject, eval::fit_gaussian(communicator_, coarse(test_))));
  }
  if (has_features()) {
    const auto [probe, neighbour] = accuracies(&subject);
    values.emplace_back("eval.linear_probe", probe);
    values.emplace_back("eval.nearest_neighbour", neighbour);
  }
  if (reconstructs()) {
    const eval::ReconstructionResult result = reconstruction(subject);
    values.emplace_back("eval.reconstruction_error", result.error);
    values.emplace_back("eval.reconstruction_error_random", result.error_random);
    values.emplace_back("eval.reconstruction_ratio", result.ratio);
  }
  return values;
}

void Evaluation::measure(const Subject& subject, nlohmann::ordered_json& result) const {
  leave_as_found(subject, [&] { final_values(subject, result); });
  progress_.end();
}

void Evaluation::final_values(const Subject& subject, nlohmann::ordered_json& result) const {
  prepare(subject);
  const eval::EvaluateOptions& options = setup_.evaluate;
  result["protocol"] = {
      {"networks", "averages of the networks' weights; standing BN statistics over " +
                       std::to_string(options.standing_passes) + " batches; codes: E's mean"}};
  if (compares_samples()) {
    const eval::Gaussian test = eval::fit_gaussian(communicator_, coarse(test_));
    result["frechet_pixels"] = {
        {"samples", sample_distance(subject, test)},
        {"training",
         eval::frechet_distance(eval::fit_gaussian(communicator_, coarse(train_)), test)}};
    result["protocol"]["frechet_pixels"] =
        "Frechet distance to the " + std::to_string(test_.count) +
        " test images on pixels averaged to 8x8, of " + std::to_string(options.samples) +
        " samples and of the training images";
  }
  if (has_features()) measure_features(subject, result);
  if (reconstructs()) measure_reconstruction(subject, result);
}

void Evaluation::measure_reconstruction(const Subject& subject,
                                        nlohmann::ordered_json& result) const {
  const eval::ReconstructionResult reconstructed = reconstruction(subject);
  result["reconstruction"] = {{"error", reconstructed.error},
                              {"error_random", reconstructed.error_random},
                              {"ratio", reconstructed.ratio}};
  result["protocol"]["reconstruction"] =
      "mean over " + std::to_string(test_.count) +
      " test images of |x - G(E(x))|, against |x' - G(E(x))| with x' the next image";
}

}  // namespace bbg::measure
