#include "eval/eval_options.h"

#include "core/error.h"

namespace bbg::eval {

void EvaluateOptions::declare(core::OptionTable& table) {
  table
      .add("eval.every", &every,
           "Measures that have a curve (`bbg_dist metrics` names them) are taken after every so "
           "many steps too; 0: after the last alone")
      .unit("steps")
      .at_least(0);
  table.add("eval.schedule", &schedule,
            "Other intervals than eval.every for some measures, as names and steps: "
            "fid:50000,linear_probe:10000; 0: never during training");
  table.add("eval.network", &network,
            {{"e", FeatureNetwork::kEncoder}, {"d", FeatureNetwork::kDiscriminator}},
            "Whose features probe and neighbours read: those of E, or of D, which a system without "
            "E has too (what its score of the image reads, or F)");
  table.add("eval.feature", &feature,
            {{"average", Feature::kAverage}, {"bn-crelu", Feature::kBnCrelu}},
            "What probe and neighbours read of E's trunk (or of D): its output, or that through "
            "batch norm and CReLU (BigBiGAN's other feature, twice as long)");
  table.add("eval.probe-train", &probe_train, "Most training images the linear probe learns from")
      .unit("images")
      .at_least(2);
  table.add("eval.probe-test", &probe_test, "Most test images the linear probe is measured on")
      .unit("images")
      .at_least(1);
  table
      .add("eval.patience", &patience,
           "Training ends after an evaluation where the measure of checkpoint.keep-best was last "
           "better so many steps ago, with the measures of a run's end; 0: never")
      .unit("steps")
      .at_least(0);
  table
      .add("eval.probe-l2", &probe_l2,
           "L2 regularisation of the linear probe, beside a mean loss over standardised features")
      .at_least(0);
  table.add("eval.probe-choose-l2", &probe_choose_l2,
            "Choose the probe's regularisation on a held-out fifth of its training images instead "
            "(about five times slower)");
  table
      .add("eval.probe-iterations", &probe_iterations, "Most L-BFGS iterations of the linear probe")
      .unit("iterations")
      .at_least(1);
  table
      .add(
          "eval.linear-steps", &linear_steps,
          "Steps of SGD in which the linear protocol of `bbg_dist evaluate` trains its classifiers")
      .unit("steps")
      .at_least(1);
  table
      .add("eval.linear-views", &linear_views,
           "Random areas of each training image, mirrored at random, whose features the linear "
           "protocol trains on in turn; 0: the middle of each image alone")
      .unit("views")
      .at_least(0)
      .at_most(1'000'000);
  table.add(
      "eval.keep-features", &keep_features,
      "Keep the features of labelled images that are measured after the last step or by "
      "`bbg_dist evaluate` in the run folder (features, HDF5): another evaluation of the same "
      "network reads them. 4 bytes a value; ImageNet's 1.28 million "
      "images by a ResNet-50: 10.5 GB");
  table
      .add("eval.transfer-steps", &transfer_steps,
           "Steps in which `bbg_dist evaluate --measures transfer` trains the stages after each "
           "frozen one; Caffe's AlexNet took 450,000")
      .unit("steps")
      .at_least(1);
  table
      .add("eval.transfer-batch", &transfer_batch,
           "Global batch of these steps, over all ranks together")
      .unit("samples")
      .at_least(1);
  table
      .add("eval.transfer-rate", &transfer_rate,
           "Rate of the first of these steps; a tenth of it after each two ninths")
      .above(0);
  table
      .add("eval.neighbours-train", &neighbours_train,
           "Most training images among which the nearest neighbour is sought")
      .unit("images")
      .at_least(1);
  table
      .add("eval.neighbours-test", &neighbours_test,
           "Most test images that are classified by their nearest neighbour")
      .unit("images")
      .at_least(1);
  table.add(
      "eval.baselines", &baselines,
      {{"both", Baselines::kBoth},
       {"untrained", Baselines::kUntrained},
       {"pixels", Baselines::kPixels},
       {"none", Baselines::kNone}},
      "What probe and neighbours are measured on beside the trained network's features, at the "
      "end of a run: the untrained network's (for layer_probes and transfer too), the images' "
      "pixels (averaged to at most 32 x 32)");
  table.add("eval.batch", &batch, "Images a forward pass of an evaluation takes")
      .unit("images")
      .at_least(1);
  table
      .add("eval.standing-passes", &standing_passes,
           "Forward passes over which batch-norm statistics for evaluation are collected")
      .unit("passes")
      .at_least(1);
  table
      .add("eval.samples", &samples,
           "Generated images that are compared with real ones; fewer than 2: none. Published FIDs "
           "are of 50,000")
      .unit("images")
      .at_least(0);
  table
      .add("eval.reference-images", &reference_images,
           "Training images that samples are compared with, or compared like samples with the test "
           "images; 0: all, as published FIDs do")
      .unit("images")
      .at_least(0);
  table
      .add("eval.kept-images", &kept_images,
           "Most training images, and most samples, whose features are kept to look for neighbours "
           "among them (precision, recall, density, coverage); KID's subsets come from as many "
           "training images")
      .unit("images")
      .at_least(20);
  table.add("eval.kid-subsets", &kid_subsets, "Subsets over which KID is a mean")
      .unit("subsets")
      .at_least(1);
  table
      .add("eval.kid-subset-size", &kid_subset_size,
           "Images in each of KID's subsets, or as many as there are")
      .unit("images")
      .at_least(2);
  table
      .add("eval.is-splits", &is_splits,
           "Parts of the samples over which the Inception Score is a mean; some programs take 1")
      .unit("parts")
      .at_least(1);
  table
      .add("eval.truncation", &truncation,
           "Narrows the prior of what is generated for evaluation, grids and samples, and of the "
           "statistics that go with it: the truncation trick; 0: the whole prior")
      .at_least(0);
  table.add("eval.truncation-mode", &truncation_mode,
            {{"resample", TruncationMode::kResample}, {"hub", TruncationMode::kHub}},
            "resample: components of z beyond eval.truncation are drawn again; hub: those beyond 2 "
            "are, and all are multiplied by eval.truncation, as in BigGAN's published modules");
}

void EvaluateOptions::check() const {
  due();
  if (truncation_mode == TruncationMode::kResample && truncation > 0 && truncation < 0.01) {
    throw core::UsageError("eval.truncation = " + std::to_string(truncation) +
                               " would redraw nearly every component of z without end",
                           "choose at least 0.01, or eval.truncation-mode = hub");
  }
}

ProbeOptions EvaluateOptions::probe() const {
  return {.l2 = probe_l2, .choose_l2 = probe_choose_l2, .iterations = probe_iterations};
}

}  // namespace bbg::eval
