#pragma once
// Writes a small data set of format 2 from samples in memory, as data_prep would.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/manifest.h"
#include "data/shard_format.h"
#include "data/shard_writer.h"

namespace bbg::test {

struct DataSetOptions {
  std::string folder;  // made if absent
  int64_t height = 0, width = 0, channels = 0;
  data::Encoding encoding = data::Encoding::kRaw;
  int64_t shard_count = 1;
  std::vector<std::string> class_names = {};
  std::string source = "a test";
  std::string plan = "01234567";
};

class DataSetWriter {
 public:
  explicit DataSetWriter(const DataSetOptions& options) : options_(options) {}

  // Pixels [H, W, C], or a JPEG file; label: -1 for none.
  void add(std::span<const uint8_t> bytes, int64_t label) {
    samples_.emplace_back(bytes.begin(), bytes.end());
    labels_.push_back(label);
  }

  // Returns the paths of the shards.
  std::vector<std::string> close() {
    const auto files = core::make_posix_file_system();
    files->create_folders(options_.folder);
    data::Manifest manifest = describe();
    data::Fingerprint fingerprint(manifest.encoding, manifest.height, manifest.width,
                                  manifest.channels);
    std::vector<std::string> paths;
    for (int64_t shard = 0; shard < options_.shard_count; ++shard) {
      const std::string name = data::shard_file_name(options_.plan, shard, options_.shard_count);
      paths.push_back((std::filesystem::path(options_.folder) / name).string());
      manifest.shards.push_back(write(paths.back(), shard, fingerprint));
    }
    manifest.fingerprint = fingerprint.text();
    core::write_atomically(*files,
                           (std::filesystem::path(options_.folder) / data::kManifestName).string(),
                           data::text_of(manifest));
    return paths;
  }

 private:
  data::Manifest describe() const {
    const bool is_raw = options_.encoding == data::Encoding::kRaw;
    data::Manifest manifest{.encoding = options_.encoding,
                            .height = is_raw ? options_.height : 0,
                            .width = is_raw ? options_.width : 0,
                            .channels = options_.channels,
                            .samples = std::ssize(samples_),
                            .fingerprint = {},
                            .classes = {},
                            .shards = {},
                            .source = options_.source,
                            .made = {},
                            .left_out = {},
                            .tool = "a test"};
    for (const std::string& name : options_.class_names) manifest.classes.push_back({name, 0});
    for (const int64_t label : labels_) {
      ++(label < 0 ? manifest.unlabelled : manifest.classes[static_cast<size_t>(label)].samples);
    }
    return manifest;
  }

  data::Manifest::Shard write(const std::string& path, int64_t shard,
                              data::Fingerprint& fingerprint) const {
    const auto first = [&](int64_t index) {
      return std::ssize(samples_) * index / options_.shard_count;
    };
    data::ShardWriter writer(path, {.encoding = options_.encoding,
                                    .height = options_.height,
                                    .width = options_.width,
                                    .channels = options_.channels,
                                    .plan = options_.plan});
    for (int64_t i = first(shard); i < first(shard + 1); ++i) {
      const std::vector<uint8_t>& bytes = samples_[static_cast<size_t>(i)];
      const int64_t label = labels_[static_cast<size_t>(i)];
      const uint64_t digest = data::sample_digest(bytes, label);
      fingerprint.add(std::span(&digest, 1));
      writer.write(writer.append(std::ssize(bytes), label, digest, "sample " + std::to_string(i)),
                   bytes);
    }
    return writer.close();
  }

  DataSetOptions options_;
  std::vector<std::vector<uint8_t>> samples_;
  std::vector<int64_t> labels_;
};

}  // namespace bbg::test
