#include "measure/reconstruction_entries.h"

#include "measure/reconstruction.h"

namespace bbg::measure {

namespace {

constexpr const char* kPaper =
    "Donahue, Krähenbühl & Darrell 2017, the reference code's EGr and EGr_b";

std::vector<report::Row> rows() {
  return {{"error", "its own", ""}, {"error_random", "another", ""}};
}

Measure reconstruction_entry() {
  return {
      .key = "reconstruction",
      .name = "reconstructions",
      .need = Need::kReconstructions,
      .values = reconstruction,
      .curves = {{"error", "eval.reconstruction_error", Better::kLower, "Reconstruction error",
                  true},
                 {"error_random", "eval.reconstruction_error_random", Better::kNeither,
                  "Reconstruction error", true},
                 {"ratio", "eval.reconstruction_ratio", Better::kLower, "Reconstruction ratio"}},
      .protocol =
          "mean over {N} test images of |x - G(E(x))|, against |x' - G(E(x))| with x' "
          "the next image",
      .paper = kPaper,
      .card = {.title = "Reconstruction ratio",
               .field = "ratio",
               .unit = report::Unit::kRatio,
               .rows = rows(),
               .note = "Distance of a reconstruction G(E(x)) to its own image, over that to "
                       "another image; 1 would mean that it keeps nothing."},
      .place = 3};
}

Measure sampled_entry() {
  return {.key = "sampled_reconstruction",
          .name = "reconstructions from samples of E",
          .need = Need::kReconstructions,
          .values = sampled_reconstruction,
          .curves = {},
          .protocol = "as reconstruction, with a sample of E's distribution as code",
          .paper = kPaper,
          .card = {.title = "Reconstruction from samples of E",
                   .field = "ratio",
                   .unit = report::Unit::kRatio,
                   .rows = rows(),
                   .note = "The same with a code that is drawn from E's distribution."},
          .place = 33,
          .is_at_end = false};
}

Measure round_trip_entry() {
  return {.key = "round_trip",
          .name = "round trips of codes",
          .need = Need::kReconstructions,
          .values = round_trip,
          .curves = {},
          .protocol =
              "mean over {eval.samples} codes of |z - E(G(z))|, E's mean, against |z' - E(G(z))| "
              "with z' the next code",
          .paper = "Donahue, Krähenbühl & Darrell 2017, section 3 (E inverts G)",
          .card = {.title = "Round trip",
                   .field = "ratio",
                   .unit = report::Unit::kRatio,
                   .rows = rows(),
                   .note = "Distance of a code z to E(G(z)), over that of another code; 1 would "
                           "mean that E finds nothing of it."},
          .place = 34,
          .is_at_end = false};
}

Measure class_kept_entry() {
  return {.key = "class_kept",
          .name = "classes of reconstructions",
          .need = Need::kFeatures,
          .values = class_kept,
          .curves = {},
          .protocol =
              "the classifier of linear_probe on features of G(E(x)) of {N} test images: kept, "
              "the share that it gives the class it gives x; right, the share that it gives x's "
              "label",
          .paper = "Donahue & Simonyan 2019, section 4.2 (there by eye)",
          .card = {.title = "Class kept",
                   .field = "kept",
                   .unit = report::Unit::kShare,
                   .rows = {{"kept", "as of its image", ""}, {"right", "as its label", ""}},
                   .note = "Reconstructions to which a linear classifier gives the class that it "
                           "gives their images."},
          .place = 35,
          .is_at_end = false};
}

// By the network of a need.
Measure feature_entry(Need need, const std::string& key, const std::string& network, int place) {
  return {.key = key,
          .name = "reconstructions by " + network,
          .need = need,
          .values = feature_reconstruction,
          .curves = {},
          .protocol = "as reconstruction, between features of " + network +
                      "; class_kept, where that has logits: the share of images whose highest "
                      "logit is their reconstruction's",
          .paper = kPaper,
          .card = {.title = "Reconstruction by " + network,
                   .field = "ratio",
                   .unit = report::Unit::kRatio,
                   .rows = {{"error", "its own", ""},
                            {"error_random", "another", ""},
                            {"class_kept", "class kept", ""}},
                   .note = "Distance between features of an image and of its reconstruction, over "
                           "that to another image's."},
          .place = place,
          .is_at_end = false};
}

}  // namespace

void add_reconstruction_measures(Measures& measures) {
  measures.push_back(reconstruction_entry());
  measures.push_back(sampled_entry());
  measures.push_back(round_trip_entry());
  measures.push_back(class_kept_entry());
  measures.push_back(feature_entry(Need::kInception, "inception_reconstruction", "Inception", 36));
  measures.push_back(
      feature_entry(Need::kNetwork, "network_reconstruction", "extractor.network", 37));
  measures.push_back(feature_entry(Need::kEncoded, "encoder_reconstruction", "E", 38));
}

}  // namespace bbg::measure
