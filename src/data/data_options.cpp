#include "data/data_options.h"

#include "core/error.h"

namespace bbg::data {

void DataOptions::declare(core::OptionTable& table) {
  table.add("data.shards", &shards, "Folder of the training shards (data_prep makes them)").path();
  table
      .add("data.test-shards", &test_shards,
           "Folder of shards that evaluation measures on; empty: the last sixth of data.shards "
           "(training sees it too)")
      .path();
  table.add("data.batch", &batch, "Global batch, over all ranks together")
      .unit("samples")
      .at_least(1);
  table
      .add("data.crop", &crop,
           "Read this many pixels a side of larger images: at random places in training, in the "
           "middle in evaluation; 0: images as they are")
      .unit("px")
      .at_least(0);
  table.add("data.flip", &flip, "Mirror every second training image, chosen at random");
  table.add("data.threads", &loader_threads, "Threads of each rank that read ahead")
      .at_least(1)
      .at_most(256);
  table.add("data.prefetch", &prefetch, "How many batches are read ahead")
      .unit("batches")
      .at_least(1)
      .at_most(1024);
  table
      .add("data.deadline-ms", &deadline_ms,
           "A wait for a batch that is longer than this ends the run with exit code 75")
      .unit("ms")
      .at_least(1);
  table.add("data.verify", &verify,
            "Check the checksum of each block of a shard when it is first read");
}

int64_t DataOptions::rank_batch(int ranks, int64_t portions) const {
  if (batch % ranks != 0) {
    throw core::UsageError(
        "data.batch = " + std::to_string(batch) + " is not divisible by " + std::to_string(ranks) +
            " ranks",
        "data.batch is the global batch: choose a multiple of the number of ranks");
  }
  if (batch / ranks % portions != 0) {
    throw core::UsageError("data.batch = " + std::to_string(batch) + " leaves each of " +
                               std::to_string(ranks) + " rank(s) " + std::to_string(batch / ranks) +
                               " samples, which train.accumulate = " + std::to_string(portions) +
                               " does not divide",
                           "choose a data.batch that is a multiple of ranks * train.accumulate");
  }
  return batch / ranks;
}

}  // namespace bbg::data
