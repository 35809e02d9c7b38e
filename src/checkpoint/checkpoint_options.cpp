#include "checkpoint/checkpoint_options.h"

namespace bbg::checkpoint {

void CheckpointOptions::declare(core::OptionTable& table) {
  table.add("checkpoint.every", &every, "A checkpoint is written after every so many steps")
      .unit("steps")
      .at_least(1);
  table.add("checkpoint.keep", &keep, "How many complete checkpoints stay; older ones are removed")
      .unit("checkpoints")
      .at_least(1)
      .at_most(1'000'000);
  table
      .add("checkpoint.keep-best", &keep_best,
           "The checkpoint that an evaluation during training (eval.every) found best by this "
           "measure "
           "stays too, beside the newest; each evaluated step is saved")
      .one_of({"none", "eval.linear_probe", "eval.nearest_neighbour", "eval.reconstruction_error",
               "eval.reconstruction_ratio", "eval.frechet_pixels", "eval.fid",
               "eval.network_frechet"});
}

}  // namespace bbg::checkpoint
