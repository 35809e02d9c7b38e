#include "measure/needs.h"

#include <algorithm>

#include "core/words.h"
#include "model/families.h"

namespace bbg::measure {

namespace {

constexpr core::Word<Source> kSources[] = {
    {"samples", Source::kSamples}, {"training", Source::kTraining},
    {"trained", Source::kTrained}, {"untrained", Source::kUntrained},
    {"pixels", Source::kPixels},   {"reconstructions", Source::kReconstructions},
    {"test", Source::kTest},
};

// Fewer points have no neighbourhoods, nor subsets of differing sizes.
constexpr int64_t kFewestImages = 20;

}  // namespace

std::string text_of(Need need) {
  if (need == Need::kCoarsePixels) {
    return "samples, test and training images, averaged to 8x8 pixels; at least two of each";
  }
  if (need == Need::kFeatures) {
    return "features (`eval.network`, `eval.feature`) of labelled training and test images of more "
           "than one class";
  }
  if (need == Need::kStages) {
    return "an encoder whose trunk has several stages (all but `model.encoder = mlp`); labels of "
           "all training and test images, of more than one class";
  }
  const std::string images =
      "; at least 20 samples, training and test images (distances that compare with others: more "
      "samples than features)";
  if (need == Need::kInception) return "the network `extractor.inception`" + images;
  if (need == Need::kNetwork) return "the network `extractor.network`" + images;
  if (need == Need::kEncoded) return "an encoder, and no other network to compare by" + images;
  return "an encoder; test images, with labels where G is conditional";
}

bool is_extracted(Need need) {
  return need == Need::kInception || need == Need::kNetwork || need == Need::kEncoded;
}

std::string word_of(Source source) { return core::word_of<Source>(kSources, source); }

std::vector<Source> sources_of(Need need, const eval::EvaluateOptions& options, bool is_last) {
  if (need == Need::kReconstructions) return {Source::kReconstructions};
  const bool is_features = need == Need::kFeatures, is_stages = need == Need::kStages;
  std::vector<Source> sources = {is_features || is_stages ? Source::kTrained : Source::kSamples};
  if (!is_last) return sources;
  if (is_extracted(need)) {
    sources.push_back(Source::kTest);
  } else if (!is_features && !is_stages) {
    sources.push_back(Source::kTraining);
  }
  if ((is_features || is_stages) && options.measures_untrained())
    sources.push_back(Source::kUntrained);
  if (is_features && options.measures_pixels()) sources.push_back(Source::kPixels);
  return sources;
}

Means::Means(const Setup& setup, const Images& images)
    : train_(images.train()), test_(images.test()) {
  const eval::EvaluateOptions& options = setup.evaluate;
  const Split &train = images.train(), &test = images.test();
  compares_samples_ = std::min({options.samples, test.count, train.count}) >= 2;
  // With one class there is nothing to tell apart; without any, something is missing.
  reads_features_ =
      train.shards->num_classes() != 1 &&
      (options.network == eval::FeatureNetwork::kDiscriminator || setup.model.has_encoder());
  reconstructs_ = setup.model.has_encoder();
  has_stages_ = train.shards->num_classes() != 1 && setup.model.has_encoder() &&
                model::encoder_of(setup.model.encoder_kind()).has_stages;
  const bool is_enough =
      std::min({options.samples, options.kept_images, test.count, train.count}) >= kFewestImages &&
      (options.reference_images == 0 || options.reference_images >= kFewestImages);
  has_inception_ = is_enough && !setup.extractor.inception.empty();
  has_network_ = is_enough && !setup.extractor.network.empty();
  compares_codes_ = is_enough && setup.model.has_encoder() && !has_inception_ && !has_network_;
  unlabelled_ =
      without_label(train.at_most(std::max(options.probe_train, options.neighbours_train)));
  if (unlabelled_.empty()) {
    unlabelled_ =
        without_label(test.at_most(std::max(options.probe_test, options.neighbours_test)));
  }
  if (setup.model.is_conditional()) unlabelled_rebuilt_ = without_label(test);
}

const std::string& Means::unlabelled_anywhere() const {
  if (!unlabelled_anywhere_) {
    unlabelled_anywhere_ = without_label(train_);
    if (unlabelled_anywhere_->empty()) unlabelled_anywhere_ = without_label(test_);
  }
  return *unlabelled_anywhere_;
}

bool Means::is_wanted(Need need) const {
  if (need == Need::kCoarsePixels) return compares_samples_;
  if (need == Need::kInception) return has_inception_;
  if (need == Need::kNetwork) return has_network_;
  if (need == Need::kEncoded) return compares_codes_;
  if (need == Need::kStages) return has_stages_;
  return need == Need::kFeatures ? reads_features_ : reconstructs_;
}

const std::string& Means::missing(Need need) const {
  static const std::string none;
  if (need == Need::kCoarsePixels || is_extracted(need)) return none;
  if (need == Need::kStages) return unlabelled_anywhere();
  return need == Need::kFeatures ? unlabelled_ : unlabelled_rebuilt_;
}

}  // namespace bbg::measure
