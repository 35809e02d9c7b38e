#include "feed/loader.h"

#include <utility>

namespace bbg::feed {

Loader::Loader(std::shared_ptr<const data::SampleSource> source, data::LoaderSetup setup,
               const at::TensorOptions& options)
    : to_batch_(make_to_batch(options)) {
  setup.allocate = allocator_for(options.device());
  loader_ = std::make_unique<data::Loader>(std::move(source), setup);
}

Loader::Loader(const data::ShardSet& shards, const data::LoaderSetup& setup,
               const at::TensorOptions& options)
    : Loader(shards.source(), setup, options) {}

core::Batch Loader::next() { return (*to_batch_)(loader_->next()); }

}  // namespace bbg::feed
