#include "measure/needs.h"

#include <algorithm>

#include "core/words.h"

namespace bbg::measure {

namespace {

constexpr core::Word<Source> kSources[] = {
    {"samples", Source::kSamples}, {"training", Source::kTraining},
    {"trained", Source::kTrained}, {"untrained", Source::kUntrained},
    {"pixels", Source::kPixels},   {"reconstructions", Source::kReconstructions},
};

}  // namespace

std::string text_of(Need need) {
  if (need == Need::kCoarsePixels) {
    return "samples, test and training images, averaged to 8x8 pixels; at least two of each";
  }
  if (need == Need::kFeatures) {
    return "features (`eval.network`, `eval.feature`) of labelled training and test images of more "
           "than one class";
  }
  return "an encoder; test images, with labels where G is conditional";
}

std::string word_of(Source source) { return core::word_of<Source>(kSources, source); }

std::vector<Source> sources_of(Need need, const eval::EvaluateOptions& options, bool is_last) {
  if (need == Need::kReconstructions) return {Source::kReconstructions};
  const bool is_features = need == Need::kFeatures;
  std::vector<Source> sources = {is_features ? Source::kTrained : Source::kSamples};
  if (!is_last) return sources;
  if (!is_features) sources.push_back(Source::kTraining);
  if (is_features && options.measures_untrained()) sources.push_back(Source::kUntrained);
  if (is_features && options.measures_pixels()) sources.push_back(Source::kPixels);
  return sources;
}

Means::Means(const Setup& setup, const Images& images) {
  const eval::EvaluateOptions& options = setup.evaluate;
  const Split &train = images.train(), &test = images.test();
  compares_samples_ = std::min({options.samples, test.count, train.count}) >= 2;
  // With one class there is nothing to tell apart; without any, something is missing.
  reads_features_ =
      train.shards->num_classes() != 1 &&
      (options.network == eval::FeatureNetwork::kDiscriminator || setup.model.has_encoder());
  reconstructs_ = setup.model.has_encoder();
  unlabelled_ =
      without_label(train.at_most(std::max(options.probe_train, options.neighbours_train)));
  if (unlabelled_.empty()) {
    unlabelled_ =
        without_label(test.at_most(std::max(options.probe_test, options.neighbours_test)));
  }
  if (setup.model.is_conditional()) unlabelled_rebuilt_ = without_label(test);
}

bool Means::is_wanted(Need need) const {
  if (need == Need::kCoarsePixels) return compares_samples_;
  return need == Need::kFeatures ? reads_features_ : reconstructs_;
}

const std::string& Means::missing(Need need) const {
  static const std::string kNone;
  if (need == Need::kCoarsePixels) return kNone;
  return need == Need::kFeatures ? unlabelled_ : unlabelled_rebuilt_;
}

}  // namespace bbg::measure
