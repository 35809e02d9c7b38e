#include "measure/layer_entries.h"

#include "measure/layers.h"

namespace bbg::measure {

namespace {

// AlexNet's; other trunks have root and stages, or fewer convolutions.
std::vector<report::Row> convolution_rows() {
  return {{"top1_conv1", "conv1", ""},
          {"top1_conv2", "conv2", ""},
          {"top1_conv3", "conv3", ""},
          {"top1_conv4", "conv4", ""},
          {"top1_conv5", "conv5", ""},
          {"untrained_top1_conv1", "conv1, untrained", ""},
          {"untrained_top1_conv2", "conv2, untrained", ""},
          {"untrained_top1_conv3", "conv3, untrained", ""},
          {"untrained_top1_conv4", "conv4, untrained", ""},
          {"untrained_top1_conv5", "conv5, untrained", ""}};
}

Measure layer_probes_entry() {
  return {
      .key = "layer_probes",
      .name = "linear classification of each stage",
      .need = Need::kStages,
      .values = layer_probes,
      .memory = layer_probes_memory,
      .curves = {},
      .protocol =
          "as linear_protocol, on the activations of each stage of E's trunk (convN; root and "
          "stageN of a residual one), averaged over parts of the map to about 9,000 values; "
          "top1_STAGE and top5_STAGE, with untrained_ before them of E as it starts "
          "(eval.baselines)",
      .paper = "Zhang, Isola & Efros 2017 (split-brain autoencoders, table 1); docs/choices.md 73",
      .card = {.title = "Linear classification of each stage",
               .field = "top1_conv5",
               .unit = report::Unit::kShare,
               .rows = convolution_rows(),
               .note = "Test accuracy of a linear classifier on the activations of a stage."},
      .place = 32,
      .is_at_end = false,
      .is_named = true};
}

Measure transfer_entry() {
  return {
      .key = "transfer",
      .name = "transfer of stages",
      .need = Need::kStages,
      .values = transfer,
      .curves = {},
      .protocol =
          "stages of E's trunk up to STAGE frozen, those after it and a classifier made anew and "
          "trained with labels: {eval.transfer-steps} steps of {eval.transfer-batch} images, SGD, "
          "momentum 0.9, weight decay 5e-4, rate {eval.transfer-rate}, a tenth after each two "
          "ninths of the steps; random places, mirrored; {N} test images, predictions averaged "
          "over four corners, the middle and their mirror images, or over the whole image and its "
          "own; "
          "top1_STAGE and top5_STAGE, with untrained_ before them of E as it starts "
          "(eval.baselines)",
      .paper =
          "Noroozi & Favaro 2016, as Donahue, Krähenbühl & Darrell 2017 (table 2); docs/choices.md "
          "73",
      .card = {.title = "Transfer of stages",
               .field = "top1_conv5",
               .unit = report::Unit::kShare,
               .rows = convolution_rows(),
               .note = "Test accuracy where the stages up to one are kept and the rest is trained "
                       "with labels."},
      .place = 32,
      .is_at_end = false,
      .is_named = true};
}

}  // namespace

void add_layer_measures(Measures& measures) {
  measures.push_back(layer_probes_entry());
  measures.push_back(transfer_entry());
}

}  // namespace bbg::measure
