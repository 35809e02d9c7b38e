#include "measure/representation_entries.h"

#include "measure/representation.h"

namespace bbg::measure {

namespace {

Measure knn_entry() {
  return {.key = "knn",
          .name = "k nearest neighbours",
          .need = Need::kFeatures,
          .values = knn,
          .memory = knn_memory,
          .curves = {},
          .protocol =
              "k nearest of {eval.neighbours-train} training images, {eval.neighbours-test} test "
              "images; l2_k and l1_k: each neighbour votes once, ties for the nearest; dino_k: "
              "cosine of L2-normalised features, votes exp(cosine / 0.07)",
          .paper = "Donahue & Simonyan 2019 (l2, l1); Caron et al. 2021, eval_knn.py (dino)",
          .card = {.title = "k nearest neighbours",
                   .field = "l2_25",
                   .unit = report::Unit::kShare,
                   .rows = {{"l2_25", "25 by L2", ""},
                            {"l1_25", "25 by L1", ""},
                            {"dino_20", "20, weighted", ""}},
                   .note = "Test accuracy of the labels of the nearest training images."},
          .place = 30,
          .is_at_end = false};
}

Measure linear_entry() {
  return {
      .key = "linear_protocol",
      .name = "linear classification",
      .need = Need::kFeatures,
      .values = linear_protocol,
      .memory = linear_protocol_memory,
      .curves = {},
      .protocol =
          "linear classifier on features as they are, {eval.probe-train} training images less "
          "those held out (10,000, or a fifth of fewer than 50,000), {eval.probe-test} test "
          "images, seen in the middle; trained on {eval.linear-views} random areas of each image, "
          "mirrored at random, or where that is 0 on its middle; SGD, momentum 0.9, "
          "{eval.linear-steps} steps "
          "of at most 1,024 images, cosine, the best of 13 rates by the held-out images",
      .paper =
          "Oquab et al. 2024 (DINOv2, linear.py); held-out images as Donahue & Simonyan "
          "2019",
      .card = {.title = "Linear classification",
               .field = "top1",
               .unit = report::Unit::kShare,
               .rows = {{"top1", "top 1", ""}, {"top5", "top 5", ""}},
               .note = "Test accuracy of a linear classifier, by the protocol of the field."},
      .place = 31,
      .is_at_end = false};
}

Measure few_labels_entry() {
  return {.key = "few_labels",
          .name = "few labels",
          .need = Need::kFeatures,
          .values = few_labels,
          .memory = linear_protocol_memory,
          .curves = {},
          .protocol =
              "as linear_protocol, on 1 % and 10 % of the labels of {eval.probe-train} "
              "training images, equally many of each class",
          .paper = "Chen et al. 2020 (SimCLR, table 7), there with fine-tuning",
          .card = {.title = "Few labels",
                   .field = "top5_10",
                   .unit = report::Unit::kShare,
                   .rows = {{"top1_1", "1 %, top 1", ""},
                            {"top1_10", "10 %, top 1", ""},
                            {"top5_10", "10 %, top 5", ""}},
                   .note = "The same classifier, from few labelled images."},
          .place = 32,
          .is_at_end = false};
}

}  // namespace

void add_representation_measures(Measures& measures) {
  measures.push_back(knn_entry());
  measures.push_back(linear_entry());
  measures.push_back(few_labels_entry());
}

}  // namespace bbg::measure
