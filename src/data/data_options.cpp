#include "data/data_options.h"

#include <algorithm>

#include "core/error.h"

namespace bbg::data {

namespace {

// A GPU that outruns so many is short of decoders in every program.
constexpr int64_t kMostThreads = 16;

}  // namespace

void DataOptions::declare(core::OptionTable& table) {
  table.add("data.shards", &shards, "Folder of the training shards (data_prep makes them)").path();
  table
      .add("data.test-shards", &test_shards,
           "Folder of shards that evaluation measures on; empty: the last sixth of data.shards, "
           "at most 50,000 images (training sees them too)")
      .path();
  table.add("data.batch", &batch, "Global batch, over all ranks together")
      .unit("samples")
      .at_least(1);
  table
      .add(
          "data.crop", &crop,
          "Pixels a side of what is read of each image; 0: the images as they are stored, and of "
          "JPEG originals the size of the model's images. data.augment says which part; evaluation "
          "takes the middle")
      .unit("px")
      .at_least(0);
  table.add(
      "data.augment", &augment, image::kAugments,
      "Part of an image that training takes. none: the middle; random-place: a square at a "
      "random place, of JPEG originals the largest along the longer edge; random-area: 8 to "
      "100 percent of the area, in shapes from 3:4 to 4:3. What has another size is resampled");
  table.add("data.flip", &flip, "Mirror every second training image, chosen at random");
  table
      .add("data.threads", &loader_threads,
           "Threads of each rank that read ahead; 0: as many as the cores that it may run on, its "
           "share where ranks run on the same ones, less those that compute (all of "
           "compute.threads on CPUs, one beside a GPU), from 1 to 16")
      .at_least(0)
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
            "Compare each sample with its digest when a process first reads it; with "
            "data.on-corrupt = skip whenever it is read");
  table.add(
      "data.cache", &cache, kCaches,
      "ram: the training samples stay in memory once they are read, one copy a host, which its "
      "ranks share; what that takes is checked at the start. For data on a slow disk or network");
  table.add("data.on-corrupt", &on_corrupt, kOnCorrupts,
            "The answer to a damaged sample. stop: the run ends and names it; skip: the next good "
            "one of the epoch's order stands in for it, and reports count such places");
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

int64_t DataOptions::threads_on(int64_t cores, int64_t busy) const {
  return loader_threads > 0 ? loader_threads : std::clamp<int64_t>(cores - busy, 1, kMostThreads);
}

}  // namespace bbg::data
