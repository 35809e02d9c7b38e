#include "run/shown_images.h"

#include <algorithm>

#include "core/error.h"
#include "data/image_files.h"
#include "data/shard_set.h"
#include "feed/read_samples.h"

namespace bbg::run {

namespace {

void check_fit(const RunConfig& config, const data::SampleSource& source, const std::string& path) {
  const int64_t size = config.model.data_resolution();
  const bool is_large_enough = source.encoding() != data::Encoding::kRaw ||
                               (source.height() >= size && source.width() >= size);
  if (is_large_enough && source.channels() == config.model.channels) return;
  throw core::UsageError(
      "the images of " + path + " are " + std::to_string(source.width()) + "x" +
          std::to_string(source.height()) + " with " + std::to_string(source.channels()) +
          " channel(s), the model's " + std::to_string(size) + "x" + std::to_string(size) +
          " with " + std::to_string(config.model.channels),
      "make a data set of that size with data_prep shard --size and --channels, or give the "
      "folder of image files");
}

}  // namespace

ShownImages::ShownImages(const RunConfig& config, const std::string& path) {
  std::string chosen = path;
  if (chosen.empty()) chosen = config.data.test_shards;
  if (chosen.empty()) chosen = config.data.shards;
  if (chosen.empty()) {
    throw core::UsageError("there are no images to look at",
                           "give --images, a data set or a folder of image files");
  }
  source_ = data::is_data_set(chosen) ? data::ShardSet::open(chosen, config.data.verify).source()
                                      : data::open_image_files(chosen, config.model.channels);
  check_fit(config, *source_, chosen);
}

ShownImages::ShownImages(const RunConfig& config, const std::vector<std::string>& files)
    : source_(data::open_image_files(files, config.model.channels)) {}

std::string ShownImages::name(int64_t image) const {
  const std::string name = source_->name(image);
  return name.empty() ? "sample " + std::to_string(image) : name;
}

std::vector<std::string> ShownImages::names() const {
  std::vector<std::string> names;
  for (int64_t image = 0; image < count(); ++image) names.push_back(name(image));
  return names;
}

std::vector<int64_t> ShownImages::labels() const {
  std::vector<int64_t> labels;
  for (int64_t image = 0; image < count(); ++image) labels.push_back(source_->label(image));
  return labels;
}

core::Batch ShownImages::read(const measure::Context& context, int64_t first, int64_t count) const {
  core::Batch batch =
      feed::read_range(*source_, first, count, context.setup.model.data_resolution());
  batch.images = batch.images.to(context.tensor_options);
  return batch;
}

core::Batch ShownImages::read_labelled(const measure::Context& context, int64_t first,
                                       int64_t count) const {
  core::Batch batch = read(context, first, count);
  if (!context.setup.model.is_conditional()) return batch;
  for (int64_t i = 0; i < count; ++i) {
    if (batch.labels[i].item<int64_t>() >= 0) continue;
    throw core::UsageError("the model is conditional, and " + name(first + i) + " has no label",
                           "give a data set with labels");
  }
  return batch;
}

}  // namespace bbg::run
