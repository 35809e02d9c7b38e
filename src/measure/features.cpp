#include "measure/features.h"

#include <algorithm>

#include "measure/standing.h"
#include "train/step.h"

namespace bbg::measure {

Features::Features(const Context& context, const Images& images, const Subject& subject,
                   Source source, bool is_last)
    : context_(context), images_(images), is_network_(source != Source::kPixels) {
  if (is_network_) {
    take_network(subject, source == Source::kTrained,
                 is_last && context.setup.evaluate.keep_features);
    return;
  }
  const int64_t side = std::min(context.setup.model.data_resolution(), kPixelSide);
  map_ = [side](const at::Tensor& x) { return train::shrink(x, side).flatten(1); };
}

Features::~Features() = default;

void Features::take_network(const Subject& subject, bool is_trained, bool is_kept) {
  const Setup& setup = context_.setup;
  if (setup.evaluate.network == eval::FeatureNetwork::kDiscriminator) {
    // A copy: training may go on, with D's own statistics.
    auto copy = std::make_unique<model::Discriminator>(setup.model, context_.backend(),
                                                       static_cast<uint64_t>(setup.seed));
    if (is_trained) nn::copy_state(*subject.discriminator, *copy);
    map_ = [&d = *copy, size = setup.model.resolution](const at::Tensor& x) {
      return d.feature(train::shrink(x, size));
    };
    make_standing(context_, images_, *copy, map_);
    if (is_kept) kept_.emplace(context_, *copy, "d");
    own_ = std::move(copy);
    return;
  }
  model::Encoder* encoder = subject.encoder;
  if (!is_trained) {
    std::unique_ptr<model::Encoder> untrained = make_untrained_encoder(context_, images_);
    encoder = untrained.get();
    own_ = std::move(untrained);
  }
  if (is_kept) kept_.emplace(context_, *encoder, "e");
  map_ = [encoder](const at::Tensor& x) { return encoder->forward(x).feature; };
}

LabelledSplits Features::first(int64_t train, int64_t test) {
  const Split wanted_train = images_.train().at_most(train);
  const Split wanted_test = images_.test().at_most(test);
  read(wanted_train, train_);
  read(wanted_test, test_);
  return {part_of(train_, wanted_train.count), part_of(test_, wanted_test.count)};
}

at::Tensor Features::view(int64_t view, int64_t train) {
  // Shared out over the ranks as those of first() are.
  Read seen{train_.count, extract(images_.train().at_most(train_.count), view)};
  if (crelu_) seen.part.features = (*crelu_)(seen.part.features);
  return part_of(seen, train).features;
}

at::Tensor Features::of(const at::Tensor& images) const {
  const at::Tensor features = map_(images).to(at::kFloat);
  return crelu_ ? (*crelu_)(features) : features;
}

void Features::read(const Split& split, Read& read) {
  if (read.count >= split.count) return;
  read = {};  // freed before more are read
  read = {split.count, extract(split, 0)};
  if (!is_network_ || context_.setup.evaluate.feature != eval::Feature::kBnCrelu) return;
  at::Tensor& features = read.part.features;
  if (!crelu_) crelu_ = std::make_unique<eval::BnCrelu>(context_.communicator, features);
  features = (*crelu_)(features);
}

Labelled Features::extract(const Split& split, int64_t view) const {
  if (!kept_) return images_.map(split, map_, view);
  if (std::optional<Labelled> found = kept_->read(split, view)) return std::move(*found);
  Labelled made = images_.map(split, map_, view);
  kept_->write(split, view, made);
  return made;
}

Labelled Features::part_of(const Read& read, int64_t count) const {
  const auto [start, all] = own_part(read.count, context_.communicator);
  const int64_t own = std::clamp<int64_t>(count - start, 0, all);
  return {read.part.features.narrow(0, 0, own), read.part.labels.narrow(0, 0, own)};
}

}  // namespace bbg::measure
