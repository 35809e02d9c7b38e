#pragma once
// The batches of data::Loader as tensors where a network computes. Threads, errors and the end are
// that loader's; one thread calls next().

#include <memory>

#include "core/types.h"
#include "data/loader.h"
#include "data/shard_set.h"
#include "feed/to_batch.h"

namespace bbg::feed {

class Loader {
 public:
  // setup.allocate is chosen here, by the device of `options`.
  Loader(std::shared_ptr<const data::SampleSource> source, data::LoaderSetup setup,
         const at::TensorOptions& options);
  Loader(const data::ShardSet& shards, const data::LoaderSetup& setup,
         const at::TensorOptions& options);

  // See feed/to_batch.h.
  core::Batch next();

  double waited_seconds() const { return loader_->waited_seconds(); }
  data::Replaced replaced() const { return loader_->replaced(); }

 private:
  std::unique_ptr<ToBatch> to_batch_;
  std::unique_ptr<data::Loader> loader_;
};

}  // namespace bbg::feed
