#include "measure/generation_entries.h"

#include "measure/generation.h"

namespace bbg::measure {

namespace {

// The names of one network's measures.
struct Names {
  Need need;
  std::string key;  // begins groups of evaluation.json
  std::string reference = "eval.reference-images";
  std::string features;  // for protocols: "pool3's features"
  std::string frechet, frechet_key;
  std::string kernel, kernel_key;
  std::string suffix;  // keeps titles apart
  bool is_during_training = true;
  int place;  // the first card's
};

const Names& inception() {
  static const Names names = {.need = Need::kInception,
                              .key = "",
                              .features = "pool3's features of {inception}",
                              .frechet = "FID",
                              .frechet_key = "fid",
                              .kernel = "KID",
                              .kernel_key = "kid",
                              .suffix = "",
                              .place = 5};
  return names;
}

const Names& network() {
  static const Names names = {.need = Need::kNetwork,
                              .key = "network_",
                              .features = "features of {network}",
                              .frechet = "Frechet distance by extractor.network",
                              .frechet_key = "frechet",
                              .kernel = "Kernel distance by extractor.network",
                              .kernel_key = "kernel",
                              .suffix = " by extractor.network",
                              .place = 15};
  return names;
}

constexpr const char* kSets =
    "{eval.samples} samples and, as `test`, of at most as many test images";

Measure frechet_entry(const Names& names) {
  Measure measure{
      .key = names.key + names.frechet_key,
      .name = names.frechet,
      .need = names.need,
      .values = frechet,
      .curves = {},
      .protocol = "Frechet distance to {" + names.reference + "} training images on " +
                  names.features + ", covariances with N - 1, of " + kSets +
                  "; infinity: from 15 sizes of samples, linear in 1 / N",
      .paper = "Heusel et al. 2017; infinity: Chong & Forsyth 2020, as dgm-eval has it",
      .card = {.title = names.frechet,
               .field = "samples",
               .unit = report::Unit::kDistance,
               .rows = {{"samples", "samples", ""},
                        {"infinity", "of infinitely many", ""},
                        {"test", "test images", ""}},
               .note = "Distance of samples, and of test images, to the training images."},
      .place = names.place,
      .is_swept = true};
  if (names.is_during_training) {
    measure.curves = {{"samples", "eval." + measure.key, Better::kLower, names.frechet, true}};
  }
  return measure;
}

Measure inception_score_entry(const Names& names) {
  return {.key = "inception_score",
          .name = "Inception Score",
          .need = names.need,
          .values = inception_score,
          .curves = {},
          .protocol = "Inception Score of " + std::string(kSets) +
                      ", logits without bias, mean and deviation over {eval.is-splits} parts, "
                      "shuffled by RandomState(2020)",
          .paper =
              "Salimans et al. 2016, as torch-fidelity 0.4 has it; needs a network with "
              "logits: inception-2015-12-05.pt",
          .card = {.title = "Inception Score",
                   .field = "samples",
                   .unit = report::Unit::kDistance,
                   .rows = {{"samples", "samples", ""}, {"test", "test images", ""}},
                   .note = "How surely a classifier of ImageNet names each image, and how many "
                           "classes it names; higher is better."},
          .place = names.place + 1,
          .is_swept = true};
}

Measure kernel_entry(const Names& names) {
  return {.key = names.key + names.kernel_key,
          .name = names.kernel,
          .need = names.need,
          .values = kernel_distance,
          .curves = {},
          .protocol =
              "unbiased squared maximum mean discrepancy to {eval.kept-images} training "
              "images under (x.y / d + 1)^3 on " +
              names.features + ", of " + kSets +
              "; mean and deviation over {eval.kid-subsets} subsets of "
              "{eval.kid-subset-size}",
          .paper = "Binkowski et al. 2018, as torch-fidelity 0.4 has it",
          .card = {.title = names.kernel,
                   .field = "samples",
                   .unit = report::Unit::kDistance,
                   .rows = {{"samples", "samples", ""}, {"test", "test images", ""}},
                   .note = "Kernel distance to the training images, unbiased for any number of "
                           "samples."},
          .place = names.place + 2};
}

Measure manifold_entry(const Names& names) {
  return {.key = names.key + "manifold",
          .name = "precision, recall, density and coverage" + names.suffix,
          .need = names.need,
          .values = manifold,
          .curves = {},
          .protocol = "on " + names.features +
                      ", among {eval.kept-images} training images and as many of " + kSets +
                      "; balls to the 5th neighbour, edges outside; `precision_3` and `recall_3`: "
                      "to the 3rd, edges inside",
          .paper =
              "Kynkäänniemi et al. 2019; Naeem et al. 2020, as the package prdc has it; _3: as "
              "torch-fidelity 0.4 has it, there on VGG16",
          .card = {.title = "Precision and recall" + names.suffix,
                   .field = "precision",
                   .unit = report::Unit::kShare,
                   .rows = {{"precision", "precision", ""},
                            {"recall", "recall", ""},
                            {"coverage", "coverage", ""}},
                   .note = "Share of samples that lie among training images, of training images "
                           "that lie among samples, and of those with a sample near."},
          .place = names.place + 3};
}

Measure sliced_entry(const Names& names) {
  return {.key = names.key + "mind",
          .name = "MIND" + names.suffix,
          .need = names.need,
          .values = sliced_distance,
          .curves = {},
          .protocol =
              "sliced squared 2-Wasserstein distance to {eval.kept-images} training images, "
              "times 3 d, over 1,000 directions on " +
              names.features + ", of " + kSets + "; equally many of both",
          .paper = "Berthet et al., arXiv:2605.06797, as torch-fidelity 0.5 has it",
          .card = {.title = "MIND" + names.suffix,
                   .field = "samples",
                   .unit = report::Unit::kDistance,
                   .rows = {{"samples", "samples", ""}, {"test", "test images", ""}},
                   .note = "Monge Inception Distance to the training images: sliced, so that few "
                           "samples do."},
          .place = names.place + 4};
}

}  // namespace

void add_generation_measures(Measures& measures) {
  measures.push_back(frechet_entry(inception()));
  measures.push_back(inception_score_entry(inception()));
  for (const Names* names : {&inception(), &network()}) {
    if (names != &inception()) measures.push_back(frechet_entry(*names));
    measures.push_back(kernel_entry(*names));
    measures.push_back(manifold_entry(*names));
    measures.push_back(sliced_entry(*names));
  }
  const Names encoded = {.need = Need::kEncoded,
                         .key = "encoder_",
                         .reference = "eval.kept-images",
                         .features = "features of E, which change with training",
                         .frechet = "Frechet distance by E",
                         .frechet_key = "frechet",
                         .kernel = "",
                         .kernel_key = "",
                         .suffix = "",
                         .is_during_training = false,
                         .place = 25};
  measures.push_back(frechet_entry(encoded));
}

}  // namespace bbg::measure
