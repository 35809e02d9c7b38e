#include "app/evaluation.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "core/rng.h"
#include "data/loader.h"
#include "eval/crelu.h"
#include "eval/neighbours.h"
#include "eval/probe.h"
#include "eval/reconstruct.h"
#include "report/image_grid.h"
#include "train/step.h"

namespace bbg::app {

namespace {

constexpr int64_t kGridSamples = 64, kGridColumns = 8;
constexpr int64_t kGridReconstructions = 40, kReconstructionColumns = 10;

// [C, S, S] in [-1, 1] -> 8-bit pixels.
report::Image to_image(const at::Tensor& tensor) {
  const at::Tensor bytes = ((tensor.detach() + 1) * 127.5)
                               .round()
                               .clamp(0, 255)
                               .to(at::kCPU, at::kByte)
                               .permute({1, 2, 0})
                               .contiguous();
  report::Image image{
      .width = bytes.size(1), .height = bytes.size(0), .channels = bytes.size(2), .pixels = {}};
  image.pixels.assign(bytes.data_ptr<uint8_t>(), bytes.data_ptr<uint8_t>() + bytes.numel());
  return image;
}

nlohmann::ordered_json three(double trained, double untrained, double pixels) {
  return {{"trained", trained}, {"untrained", untrained}, {"pixels", pixels}};
}

}  // namespace

Evaluation::Evaluation(const RunConfig& config, const data::ShardSet& train,
                       const data::ShardSet* test, comm::Communicator& communicator,
                       at::TensorOptions tensor_options)
    : config_(config),
      train_{&train, 0, train.size()},
      test_{test, 0, 0},
      communicator_(communicator),
      tensor_options_(tensor_options) {
  if (test != nullptr) {
    test_.count = test->size();
  } else {
    test_ = {&train, train.size() - train.size() / 6, train.size() / 6};
    train_.count = test_.first;
  }
}

core::Batch Evaluation::read(const Split& split, int64_t first, int64_t count) const {
  core::Batch batch = data::read_range(*split.shards, split.first + first, count);
  batch.images = batch.images.to(tensor_options_);
  return batch;
}

std::pair<int64_t, int64_t> Evaluation::own_part(int64_t count) const {
  const int64_t first = count * communicator_.rank() / communicator_.size();
  return {first, count * (communicator_.rank() + 1) / communicator_.size() - first};
}

void Evaluation::make_standing(model::Generator* generator, model::Encoder* encoder) const {
  const at::NoGradGuard no_grad;
  const auto seed = static_cast<uint64_t>(config_.run.seed);
  const int64_t size = communicator_.size();
  // The global evaluation batch in equal shares: the statistics do not depend on the number of
  // ranks that divide it.
  const int64_t share = std::max<int64_t>(1, std::min(config_.evaluate.batch, train_.count) / size);
  const int64_t first = share * communicator_.rank();
  if (generator != nullptr) {
    generator->begin_standing();
    for (int64_t pass = 0; pass < config_.evaluate.standing_passes; ++pass) {
      generator->begin_substep();
      // Draws of training count up from 0; these count down, so they never meet.
      const train::Noise noise =
          train::make_noise(seed, -1 - pass, first, share, config_.model, tensor_options_);
      generator->forward(noise.z, noise.labels);
    }
    generator->finish_standing();
    generator->begin_substep();
  }
  if (encoder != nullptr) {
    encoder->begin_standing();
    for (int64_t pass = 0; pass < config_.evaluate.standing_passes; ++pass) {
      encoder->begin_substep();
      const int64_t start =
          pass * share * size % std::max<int64_t>(1, train_.count - share * size + 1);
      encoder->forward(read(train_, start + first, share).images);
    }
    encoder->finish_standing();
    encoder->begin_substep();
  }
}

void Evaluation::prepare(train::TrainState& state) const {
  make_standing(state.average_g.get(), state.average_e.get());
}

report::Image Evaluation::sample_grid(train::TrainState& state) const {
  const at::NoGradGuard no_grad;
  // The same codes at every step, so that grids over time show one garment each growing.
  train::Noise noise = train::make_noise(static_cast<uint64_t>(config_.run.seed), -1'000'000'000, 0,
                                         kGridSamples, config_.model, tensor_options_);
  if (noise.labels.defined()) {
    // A class a row, as far as rows go.
    noise.labels = at::floor_divide(at::arange(kGridSamples, noise.labels.options()), kGridColumns)
                       .remainder(config_.model.num_classes);
  }
  std::vector<report::Image> tiles;
  for (int64_t first = 0; first < kGridSamples; first += config_.evaluate.batch) {
    const int64_t count = std::min(config_.evaluate.batch, kGridSamples - first);
    const at::Tensor images = state.average_g->forward(
        noise.z.narrow(0, first, count),
        noise.labels.defined() ? noise.labels.narrow(0, first, count) : noise.labels);
    for (int64_t i = 0; i < count; ++i) tiles.push_back(to_image(images[i]));
  }
  return report::make_grid(tiles, kGridColumns, 2);
}

at::Tensor Evaluation::reconstruct(train::TrainState& state, const core::Batch& batch) const {
  return state.average_g->forward(state.average_e->forward(batch.images).mean,
                                  batch.labels.to(tensor_options_.device()));
}

report::Image Evaluation::reconstruction_grid(train::TrainState& state) const {
  const at::NoGradGuard no_grad;
  const int64_t count = std::min(kGridReconstructions, test_.count);
  std::vector<report::Image> real, reconstructed, tiles;
  for (int64_t first = 0; first < count; first += config_.evaluate.batch) {
    const core::Batch batch = read(test_, first, std::min(config_.evaluate.batch, count - first));
    const at::Tensor shown = train::shrink(batch.images, config_.model.resolution);
    const at::Tensor made = reconstruct(state, batch);
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
  const auto [first, count] = own_part(split.count);
  std::vector<at::Tensor> features, labels;
  for (int64_t done = 0; done < count; done += config_.evaluate.batch) {
    const core::Batch batch =
        read(split, first + done, std::min(config_.evaluate.batch, count - done));
    features.push_back(map(batch.images).to(at::kFloat));
    labels.push_back(batch.labels);
  }
  if (count == 0) {  // fewer images than ranks
    const core::Batch one = read(split, 0, 1);
    features.push_back(map(one.images).to(at::kFloat).narrow(0, 0, 0));
    labels.push_back(one.labels.narrow(0, 0, 0));
  }
  return {at::cat(features), at::cat(labels).to(tensor_options_.device())};
}

std::pair<double, double> Evaluation::probe_and_neighbours(
    const std::function<at::Tensor(const at::Tensor&)>& map, bool is_encoder) const {
  const eval::EvaluateOptions& options = config_.evaluate;
  const auto first = [](Split split, int64_t count) {
    split.count = std::min(split.count, count);
    return split;
  };
  auto [train, train_labels] = features(first(train_, options.probe_train), map);
  auto [test, test_labels] = features(first(test_, options.probe_test), map);
  std::optional<eval::BnCrelu> crelu;
  if (is_encoder && options.feature == "bn-crelu") crelu.emplace(communicator_, train);
  const auto change = [&](at::Tensor& features) {
    if (crelu) features = (*crelu)(features);
  };
  change(train);
  change(test);
  const double probe =
      eval::linear_probe(communicator_, train, train_labels, test, test_labels, options.probe())
          .accuracy;
  auto [near, near_labels] = features(first(train_, options.neighbours_train), map);
  auto [queries, query_labels] = features(first(test_, options.neighbours_test), map);
  change(near);
  change(queries);
  const double neighbour =
      eval::nearest_neighbour_accuracy(communicator_, near, near_labels, queries, query_labels, 1);
  return {probe, neighbour};
}

nlohmann::ordered_json Evaluation::measure(train::TrainState& state) const {
  const at::NoGradGuard no_grad;
  const eval::EvaluateOptions& options = config_.evaluate;
  nlohmann::ordered_json result;
  result["protocol"] = {
      {"networks", "averages of the networks' weights; standing BN statistics over " +
                       std::to_string(options.standing_passes) + " batches; codes: E's mean"}};
  if (!state.average_e) return result;

  // Some data sets have no labels: probe and neighbours then have nothing to predict.
  if (train_.shards->num_classes() > 1) {
    model::Encoder untrained(config_.model, communicator_, static_cast<uint64_t>(config_.run.seed),
                             tensor_options_);
    make_standing(nullptr, &untrained);
    const auto trained = probe_and_neighbours(
        [&](const at::Tensor& x) { return state.average_e->forward(x).feature; }, true);
    const auto start = probe_and_neighbours(
        [&](const at::Tensor& x) { return untrained.forward(x).feature; }, true);
    const auto pixels =
        probe_and_neighbours([](const at::Tensor& x) { return x.flatten(1); }, false);
    result["linear_probe"] = three(trained.first, start.first, pixels.first);
    result["nearest_neighbour"] = three(trained.second, start.second, pixels.second);
    const auto counts = [&](int64_t train, int64_t test) {
      return std::to_string(std::min(train_.count, train)) + " training and " +
             std::to_string(std::min(test_.count, test)) + " test images";
    };
    result["protocol"]["feature"] = options.feature == "bn-crelu"
                                        ? "of E's trunk, through batch norm and CReLU"
                                        : "of E's trunk";
    result["protocol"]["linear_probe"] =
        "multinomial logistic regression on standardised features, " +
        counts(options.probe_train, options.probe_test);
    result["protocol"]["nearest_neighbour"] =
        "1-NN, Euclidean, " + counts(options.neighbours_train, options.neighbours_test);
  }

  const auto [first, count] = own_part(test_.count);
  std::vector<at::Tensor> images, reconstructions;
  for (int64_t done = 0; done < count; done += options.batch) {
    const core::Batch batch = read(test_, first + done, std::min(options.batch, count - done));
    images.push_back(train::shrink(batch.images, config_.model.resolution));
    reconstructions.push_back(reconstruct(state, batch));
  }
  const eval::ReconstructionResult reconstruction =
      eval::reconstruction_error(communicator_, images, reconstructions);
  result["reconstruction"] = {{"error", reconstruction.error},
                              {"error_random", reconstruction.error_random},
                              {"ratio", reconstruction.ratio}};
  result["protocol"]["reconstruction"] =
      "mean over " + std::to_string(test_.count) +
      " test images of |x - G(E(x))|, against |x' - G(E(x))| with x' the next image";
  return result;
}

}  // namespace bbg::app
