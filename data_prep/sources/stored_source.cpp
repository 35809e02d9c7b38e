#include "data_prep/sources/stored_source.h"

#include <algorithm>
#include <filesystem>
#include <regex>
#include <utility>

#include "core/error.h"
#include "data/manifest.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

class StoredSource final : public ImageSource {
 public:
  StoredSource(std::vector<data::ShardSet> sets, std::vector<StoredSample> samples,
               std::vector<std::string> class_names, std::string description)
      : sets_(std::move(sets)),
        samples_(std::move(samples)),
        class_names_(std::move(class_names)),
        description_(std::move(description)) {}

  int64_t size() const override { return std::ssize(samples_); }

  void read(int64_t index, Content& out) const override {
    const StoredSample& sample = at(index);
    const data::ShardSet& set = sets_[sample.set];
    out.is_encoded = set.encoding() == data::Encoding::kJpeg;
    if (out.is_encoded) {
      const auto bytes = set.source()->read(sample.index, out.bytes, data::Check::kVerify);
      out.bytes.resize(bytes.size());
      return;
    }
    out.image.height = set.height();
    out.image.width = set.width();
    out.image.channels = set.channels();
    out.image.pixels.resize(static_cast<size_t>(set.height() * set.width() * set.channels()));
    set.source()->read_pixels(sample.index, out.image.pixels, data::Check::kVerify);
  }

  int64_t label(int64_t index) const override { return at(index).label; }
  std::string name(int64_t index) const override {
    const StoredSample& sample = at(index);
    const std::string name = sets_[sample.set].source()->name(sample.index);
    return name.empty() ? "sample " + std::to_string(sample.index) : name;
  }
  std::string place(int64_t index) const override {
    const StoredSample& sample = at(index);
    return sets_[sample.set].file(sample.index) + ": " + name(index);
  }
  int64_t bytes(int64_t) const override { return -1; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  std::string description() const override { return description_; }
  int64_t natural_channels() const override { return sets_.front().channels(); }
  image::Fit natural_fit() const override { return image::Fit::kResize; }
  int64_t natural_size() const override {
    const data::ShardSet& first = sets_.front();
    const bool is_common = std::all_of(sets_.begin(), sets_.end(), [&](const data::ShardSet& set) {
      return set.height() == first.height() && set.width() == first.height();
    });
    return is_common && first.encoding() == data::Encoding::kRaw ? first.height() : 0;
  }
  bool is_shuffled_by_default() const override { return false; }

 private:
  const StoredSample& at(int64_t index) const { return samples_[static_cast<size_t>(index)]; }

  std::vector<data::ShardSet> sets_;
  std::vector<StoredSample> samples_;
  std::vector<std::string> class_names_;
  std::string description_;
};

}  // namespace

bool looks_like_data_set(const std::string& path) {
  static const std::regex shard(R"([^.].*-\d{5,}-of-\d{5,}\.h5)");
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    const std::string name = fs::path(path).filename().string();
    return name == data::kManifestName || std::regex_match(name, shard);
  }
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name == data::kManifestName || std::regex_match(name, shard)) return true;
  }
  return false;
}

std::unique_ptr<ImageSource> open_data_set(const SourceRequest& request) {
  data::ShardSet set = data::ShardSet::open(request.input);
  std::vector<StoredSample> samples;
  for (int64_t i = 0; i < set.size(); ++i) samples.push_back({0, i, set.label(i)});
  std::vector<std::string> names = set.class_names();
  const std::string description = set.source_text();
  return make_stored_source({std::move(set)}, std::move(samples), std::move(names), description);
}

std::unique_ptr<ImageSource> make_stored_source(std::vector<data::ShardSet> sets,
                                                std::vector<StoredSample> samples,
                                                std::vector<std::string> class_names,
                                                const std::string& description) {
  for (const data::ShardSet& set : sets) {
    if (set.encoding() == sets.front().encoding() && set.channels() == sets.front().channels()) {
      continue;
    }
    throw core::UsageError("the data sets differ in their encoding or number of channels",
                           "make them alike with data_prep shard first");
  }
  return std::make_unique<StoredSource>(std::move(sets), std::move(samples), std::move(class_names),
                                        description);
}

}  // namespace bbg::data_prep
