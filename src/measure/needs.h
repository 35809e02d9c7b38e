#pragma once
// The things that measures read, and the sources of each. Each need is met or left out as a whole:
// by the system, by options, or by images without labels.

#include <optional>
#include <string>
#include <vector>

#include "measure/context.h"
#include "measure/images.h"

namespace bbg::measure {

enum class Need {
  kCoarsePixels,     // samples and real images, averaged to 8x8
  kFeatures,         // features of labelled images, by E or D
  kReconstructions,  // G(E(x)) of the test images
  kInception,        // samples and real images in features of extractor.inception
  kNetwork,          // in those of extractor.network
  kEncoded,          // in those of E, where neither is named
  kStages,           // E's trunk in stages; labelled images
};
std::string text_of(Need need);  // for people

// The source of the numbers that stand beside each other in one group of evaluation.json.
enum class Source { kSamples, kTraining, kTest, kTrained, kUntrained, kPixels, kReconstructions };
// The needs of measures in the features of a network.
bool is_extracted(Need need);
std::string word_of(Source source);

// In the order in which they are measured. The first is the subject itself; baselines are for the
// last measurement alone.
std::vector<Source> sources_of(Need need, const eval::EvaluateOptions& options, bool is_last);

// Which needs a run can meet, found out once.
class Means {
 public:
  Means(const Setup& setup, const Images& images);

  bool has(Need need) const { return is_wanted(need) && missing(need).empty(); }
  // System, options and data ask for it.
  bool is_wanted(Need need) const;
  // The image whose missing label leaves it out; empty: none does.
  const std::string& missing(Need need) const;

 private:
  const std::string& unlabelled_anywhere() const;

  const Split train_, test_;
  bool compares_samples_, reads_features_, reconstructs_, has_stages_;
  bool has_inception_, has_network_, compares_codes_;
  std::string unlabelled_;          // the first image without a label that features are read of
  std::string unlabelled_rebuilt_;  // and that a conditional G rebuilds
  // In either split: looked for when it is first asked for, as all labels are read.
  mutable std::optional<std::string> unlabelled_anywhere_;
};

}  // namespace bbg::measure
