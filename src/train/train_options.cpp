#include "train/train_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "train/diff_augment.h"

namespace bbg::train {

void TrainOptions::declare(core::OptionTable& table) {
  table.add("train.lr-g", &lr_g, "Learning rate of G").above(0);
  table.add("train.lr-d", &lr_d, "Learning rate of D").above(0);
  table.add("train.lr-e", &lr_e, "Learning rate of E").above(0);
  table.add("train.d-steps", &d_steps, "D updates before each joint update of G and E").at_least(1);
  table.add("train.simultaneous", &simultaneous,
            "Take the gradients of D and of G and E on one batch with the same noise at the same "
            "parameters, then make both updates, as BiGAN does; train.d-steps must be 1");
  table.add("train.beta1", &beta1, "Adam's decay of the first moment").at_least(0).at_most(0.9999);
  table.add("train.beta2", &beta2, "Adam's decay of the second moment")
      .at_least(0)
      .at_most(0.999999);
  table.add("train.adam-eps", &adam_eps, "Adam's epsilon").above(0);
  table
      .add("train.weight-decay", &weight_decay,
           "L2 regularisation: this times the weight is added to its gradient before Adam, for all "
           "parameters but the gains of norms")
      .at_least(0);
  table.add("train.decay-from", &decay_from, "Step at which all learning rates begin to fall")
      .unit("steps")
      .at_least(0);
  table.add("train.decay-steps", &decay_steps, "Length of that fall; 0 keeps the rates constant")
      .unit("steps")
      .at_least(0);
  table.add("train.decay", &decay,
            {{"linear", Decay::kLinear}, {"exponential", Decay::kExponential}},
            "Way of that fall: linear to zero, or exponential to one hundredth, as BiGAN's");
  table
      .add("train.ema-decay", &ema_decay,
           "Decay of the averages of weights used for samples and evaluation")
      .at_least(0)
      .at_most(1);
  table
      .add("train.ema-start", &ema_start,
           "Step at which averaging begins; before it the averages copy the weights")
      .unit("steps")
      .at_least(0);
  table.add("train.ema-encoder", &ema_encoder,
            "Evaluate an average of E's weights too, not of G's alone");
  table
      .add("train.replica-check-every", &replica_check_every,
           "Compare parameters, buffers and moments of all ranks bit by bit after every so many "
           "steps; a difference ends the run with exit code 75; 0: never")
      .unit("steps")
      .at_least(0);
  table
      .add("train.orthogonal", &orthogonal,
           "Weight beta of orthogonal regularisation of G; BigGAN's is 1e-4")
      .at_least(0);
  table
      .add(
          "train.clip-norm", &clip_norm,
          "Largest L2 norm of the loss's gradient over the global batch, for each of G, E and D by "
          "itself; a longer one is scaled down to it. 0: any")
      .at_least(0);
  table
      .add("train.accumulate", &accumulate,
           "Work through each batch in so many equal portions, one after the other, for batches "
           "larger than memory. Gradients are added up and leave for other ranks with the last "
           "one; batch norm has the statistics of a portion, over all ranks")
      .unit("portions")
      .at_least(1);
  table.add("train.precision", &precision,
            {{"full", Precision::kFull}, {"bfloat16", Precision::kBfloat16}},
            "Arithmetic of convolutions, linear maps and attention in training: full, that of "
            "compute.dtype; or bfloat16, with weights, statistics, losses, optimizer and averages "
            "in float32. What is evaluated has full precision");
  table.add(
      "train.cuda-graphs", &cuda_graphs,
      {{"auto", CudaGraphs::kAuto}, {"on", CudaGraphs::kOn}, {"off", CudaGraphs::kOff}},
      "On a GPU, record each kind of update as a CUDA graph after its first steps, which frees "
      "the host from starting every kernel. auto: where there is one rank, which is what was "
      "tried so far");
  table.add(
      "train.norm-group", &norm_group,
      "Which ranks share the statistics of cross-replica norms: all; node, those of one host; "
      "or a number of ranks that follow each other, 1 for each by itself. Running statistics "
      "are averaged over all");
  table
      .add(
          "train.warmup-steps", &warmup_steps,
          "Over so many steps all learning rates rise linearly to what they are otherwise; 0: they "
          "begin there")
      .unit("steps")
      .at_least(0);
  table.add(
      "train.augment", &augment,
      "DiffAugment, for small data sets: how images, real and generated, are changed at random "
      "before D sees them, any of the words translation colour cutout; empty: not at all");
  table.add("train.watch", &watch,
            {{"report", Watch::kReport},
             {"stop", Watch::kStop},
             {"rollback", Watch::kRollback},
             {"off", Watch::kOff}},
            "What happens when a run goes wrong, that is when a term of D's loss stays at zero, or "
            "all stay at chance, or singular values explode (report.singular-values-every). report "
            "warns, once for each cause; stop ends the run; rollback goes back to the newest "
            "checkpoint from before it, with smaller rates and other random draws, and does so too "
            "where a loss is not a number, which otherwise ends the run");
  table
      .add("train.watch-window", &watch_window,
           "Through how many reports a term must stay at zero, or all at chance, and with how many "
           "earlier measurements a singular value is compared")
      .unit("reports")
      .at_least(2)
      .at_most(1000);
  table
      .add("train.watch-margin", &watch_margin,
           "A term is at zero below this share of its value at chance, where all scores are zero; "
           "at chance above all but this share of that")
      .above(0)
      .at_most(0.5);
  table
      .add("train.watch-growth", &watch_growth,
           "A network's largest singular value explodes beyond so many times the median of the "
           "earlier ones")
      .above(1);
  table
      .add("train.rollbacks", &rollbacks,
           "How often train.watch = rollback goes back; the next time the run ends")
      .at_least(0)
      .at_most(100);
  table
      .add("train.rollback-factor", &rollback_factor,
           "What every going back multiplies all learning rates with")
      .above(0)
      .at_most(1);
}

NormGroup TrainOptions::parsed_norm_group() const {
  if (norm_group == "all") return {NormGroup::Who::kAll};
  if (norm_group == "node") return {NormGroup::Who::kHost};
  int64_t size = 0;
  const char* end = norm_group.data() + norm_group.size();
  const auto [stopped, error] = std::from_chars(norm_group.data(), end, size);
  if (error != std::errc() || stopped != end || size < 1) {
    throw core::UsageError("train.norm-group = " + norm_group + " names no group of ranks",
                           "give all, node, or a number of ranks from 1 on");
  }
  return {NormGroup::Who::kNeighbours, size};
}

void TrainOptions::check_ranks(int size) const {
  const NormGroup group = parsed_norm_group();
  if (group.who != NormGroup::Who::kNeighbours || size % group.size == 0) return;
  throw core::UsageError("train.norm-group = " + norm_group + " does not divide the " +
                             std::to_string(size) + " rank(s) of the job",
                         "choose a number of ranks that does");
}

void TrainOptions::check() const {
  parse_augment_policy(augment);
  parsed_norm_group();
  if (simultaneous && d_steps != 1) {
    throw core::UsageError(
        "train.simultaneous = true does not fit train.d-steps = " + std::to_string(d_steps),
        "set train.d-steps = 1: D, G and E are updated once a step, together");
  }
}

double TrainOptions::rate_factor(int64_t step) const {
  // The N-th update has the whole rate.
  const double warmed = step + 1 < warmup_steps
                            ? static_cast<double>(step + 1) / static_cast<double>(warmup_steps)
                            : 1;
  return warmed * decay_factor(step);
}

double TrainOptions::decay_factor(int64_t step) const {
  if (decay_steps == 0 || step < decay_from) return 1.0;
  const double length = static_cast<double>(decay_steps);
  const double done = static_cast<double>(step - decay_from);
  switch (decay) {
    case Decay::kExponential:
      // The last update of the fall has one hundredth, and so have those after it.
      return std::pow(0.01, std::min(1.0, (done + 1) / length));
    case Decay::kLinear:
      // The last update of the fall still has a rate above zero.
      return std::max(0.0, 1.0 - done / length);
  }
  BBG_CHECK(false, "a decay without a rate");
}

}  // namespace bbg::train
