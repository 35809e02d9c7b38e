#include "measure/table.h"

#include <algorithm>

#include "measure/generation_entries.h"
#include "measure/layer_entries.h"
#include "measure/measures.h"
#include "measure/reconstruction_entries.h"
#include "measure/representation_entries.h"

namespace bbg::measure {

namespace {

std::vector<report::Row> feature_rows() {
  return {{"trained", "trained", "on the trained network's features"},
          {"untrained", "untrained", "on those of the untrained network"},
          {"pixels", "pixels", "on raw pixels"}};
}

Measure frechet_pixels_entry() {
  return {.key = "frechet_pixels",
          .name = "Frechet distance on pixels",
          .need = Need::kCoarsePixels,
          .values = frechet_pixels,
          .curves = {{"samples", "eval.frechet_pixels", Better::kLower, "Samples' distance", true}},
          .protocol =
              "Frechet distance to the {N} test images on pixels averaged to 8x8, of "
              "{eval.samples} samples and of {eval.reference-images} training images",
          .paper =
              "Dowson & Landau 1982; on features of an Inception network it is FID, Heusel et al. "
              "2017",
          .card = {.title = "Samples' distance",
                   .field = "samples",
                   .unit = report::Unit::kDistance,
                   .rows = {{"samples", "samples", ""}, {"training", "training", ""}},
                   .note = "Frechet distance to the test images on pixels averaged to 8 × 8, of "
                           "generated and of training images: sees lost modes and contrast, not "
                           "sharpness."},
          .place = 4};
}

Measure probe_entry() {
  return {.key = "linear_probe",
          .name = "linear probe",
          .need = Need::kFeatures,
          .values = linear_probe,
          .memory = linear_probe_memory,
          .curves = {{"trained", "eval.linear_probe", Better::kHigher, "Accuracy on features"}},
          .protocol =
              "multinomial logistic regression on standardised features, "
              "{eval.probe-train} training and {eval.probe-test} test images",
          .paper = "Donahue & Simonyan 2019 (there on ImageNet, by SGD); docs/choices.md 54",
          .card = {.title = "Linear probe",
                   .field = "trained",
                   .unit = report::Unit::kShare,
                   .rows = feature_rows(),
                   .note = "Test accuracy of a linear classifier"},
          .place = 1};
}

Measure neighbour_entry() {
  return {
      .key = "nearest_neighbour",
      .name = "nearest neighbour",
      .need = Need::kFeatures,
      .values = nearest_neighbour,
      .memory = nearest_neighbour_memory,
      .curves = {{"trained", "eval.nearest_neighbour", Better::kHigher, "Accuracy on features"}},
      .protocol =
          "1-NN, Euclidean, {eval.neighbours-train} training and "
          "{eval.neighbours-test} test images",
      .paper = "Donahue, Krähenbühl & Darrell 2017 (there on MNIST); docs/choices.md 54",
      .card = {.title = "Nearest neighbour",
               .field = "trained",
               .unit = report::Unit::kShare,
               .rows = feature_rows(),
               .note = "Test accuracy of the label of the nearest training image"},
      .place = 2};
}

}  // namespace

const Measures& table() {
  static const Measures measures = [] {
    Measures all = {frechet_pixels_entry(), probe_entry(), neighbour_entry()};
    add_reconstruction_measures(all);
    add_generation_measures(all);
    add_representation_measures(all);
    add_layer_measures(all);
    return all;
  }();
  return measures;
}

const Measures& measures_of_runs() {
  static const Measures measures = [] {
    Measures some;
    for (const Measure& one : table()) {
      if (one.is_at_end) some.push_back(one);
    }
    return some;
  }();
  return measures;
}

std::vector<Need> needs_of(const Measures& measures) {
  std::vector<Need> needs;
  for (const Measure& measure : measures) {
    if (std::find(needs.begin(), needs.end(), measure.need) == needs.end()) {
      needs.push_back(measure.need);
    }
  }
  return needs;
}

const Curve* find_curve(const Measures& measures, const std::string& name) {
  for (const Measure& measure : measures) {
    for (const Curve& curve : measure.curves) {
      if (curve.name == name) return &curve;
    }
  }
  return nullptr;
}

report::Measures shown(const Measures& measures) {
  Measures ordered = measures;
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Measure& a, const Measure& b) { return a.place < b.place; });
  report::Measures shown;
  for (const Measure& measure : ordered) {
    shown.cards.push_back(measure.card);
    shown.cards.back().key = measure.key;
    for (const Curve& curve : measure.curves) {
      shown.curves.push_back({curve.name, curve.chart, curve.is_from_zero});
    }
  }
  return shown;
}

}  // namespace bbg::measure
