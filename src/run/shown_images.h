#pragma once
// The images that a command looks at: a data set, or a folder of image files.

#include <memory>
#include <string>
#include <vector>

#include "core/types.h"
#include "data/sample_source.h"
#include "measure/context.h"
#include "run/run_config.h"

namespace bbg::run {

class ShownImages {
 public:
  // `path` is a data set or a folder of images; empty: data.test-shards, or data.shards where the
  // run has no others. UsageError where there are none, or they do not fit the model. Rank-local.
  ShownImages(const RunConfig& config, const std::string& path);
  // These image files, in this order.
  ShownImages(const RunConfig& config, const std::vector<std::string>& files);

  int64_t count() const { return source_->size(); }
  // The file that an image came from, or its number in the data set.
  std::string name(int64_t image) const;
  std::vector<std::string> names() const;  // all, in memory
  std::vector<int64_t> labels() const;     // -1: none
  // Images on the device, [n, C, S, S] at E's resolution, the middle of each.
  core::Batch read(const measure::Context& context, int64_t first, int64_t count) const;
  // The same for networks that take labels: UsageError where the model is conditional and an image
  // has none.
  core::Batch read_labelled(const measure::Context& context, int64_t first, int64_t count) const;

 private:
  std::shared_ptr<const data::SampleSource> source_;
};

}  // namespace bbg::run
