#include "data_prep/conversion/data_set_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"
#include "data/shard_format.h"
#include "data/shard_layout.h"
#include "data/shard_reader.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

// Recognises shards of this format, whole or partial, and of format 1.
bool is_shard(const std::string& file_name) {
  static const std::regex pattern(
      R"([^.].*-\d{5,}-of-\d{5,}\.h5(\.partial(\.structure)?)?|[^.].*-\d+\.h5\.partial(\.full)?)");
  return std::regex_match(file_name, pattern);
}

std::optional<data::Manifest> read_manifest(const std::string& folder) {
  const auto files = core::make_posix_file_system();
  const std::string path = (fs::path(folder) / data::kManifestName).string();
  if (!files->exists(path)) return std::nullopt;
  return data::parse_manifest(files->read(path), path);
}

bool is_of(const data::Manifest& manifest, const std::string& tag) {
  return !manifest.shards.empty() && manifest.shards.front().file.starts_with("data-" + tag + "-");
}

// A set of one shard, as a reader wants it.
data::Manifest manifest_of(const data::ShardLayout& layout, const std::string& file) {
  data::Manifest manifest;
  manifest.encoding = layout.encoding;
  manifest.height = layout.height;
  manifest.width = layout.width;
  manifest.channels = layout.channels;
  manifest.samples = layout.samples;
  manifest.shards.push_back({file, layout.samples, layout.file_bytes, layout.digest});
  return manifest;
}

[[noreturn]] void refuse(const std::string& folder, const std::string& what) {
  throw core::UsageError(folder + " already has " + what,
                         "choose another output folder, or replace the set with --force");
}

}  // namespace

DataSetFolder::DataSetFolder(std::string folder, const Plan& plan, const Recipe& recipe,
                             int64_t size, bool is_forced)
    : folder_(std::move(folder)), shards_(plan.shards()) {
  core::make_posix_file_system()->create_folders(folder_);
  const int64_t side = recipe.store == Store::kRaw ? size : 0;
  key_ = {.encoding = recipe.encoding(),
          .height = side,
          .width = side,
          .channels = recipe.decode.channels,
          .plan = plan.tag(size, 0)};
  const std::string other = plan.tag(size, 1);
  std::optional<data::Manifest> present;
  try {
    present = read_manifest(folder_);
  } catch (const core::UsageError& error) {
    if (!is_forced) throw;
  }
  if (present && is_forced) {
    // The old set keeps its files, so the new ones have other names.
    if (is_of(*present, key_.plan)) key_.plan = other;
  } else if (present) {
    if (is_of(*present, other)) key_.plan = other;
    if (!is_of(*present, key_.plan)) refuse(folder_, "another data set");
    is_published_ = true;
  } else if (!is_forced) {
    static const std::regex ours(R"(data-[0-9a-f]{8}-\d{5,}-of-\d{5,}\.h5)");
    for (const std::string& name : core::make_posix_file_system()->list(folder_)) {
      if (!is_shard(name) || name.find(".partial") != std::string::npos) continue;
      if (!std::regex_match(name, ours)) refuse(folder_, "shards of format 1, as " + name);
    }
  }
}

std::string DataSetFolder::shard_path(int64_t shard) const {
  return (fs::path(folder_) / data::shard_file_name(key_.plan, shard, shards_)).string();
}

bool DataSetFolder::has_whole_shard(int64_t shard) const {
  const std::string path = shard_path(shard);
  if (!core::make_posix_file_system()->exists(path)) return false;
  try {
    const data::ShardLayout layout = data::locate_shard(path);
    if (layout.plan != key_.plan || layout.encoding != key_.encoding) return false;
    const data::ShardReader reader(folder_,
                                   manifest_of(layout, fs::path(path).filename().string()));
    std::vector<uint8_t> buffer;
    for (int64_t i = 0; i < layout.samples; ++i) reader.read(i, buffer, data::Check::kVerify);
    return reader.computed_digest(0) == layout.digest && reader.left_out(0) == "[]";
  } catch (const core::UsageError&) {
    return false;  // it is made again
  }
}

data::Manifest DataSetFolder::describe(const data::Manifest& common,
                                       std::vector<BadImage>& bad) const {
  data::Manifest manifest = common;
  manifest.encoding = key_.encoding;
  manifest.height = key_.height;
  manifest.width = key_.width;
  manifest.channels = key_.channels;
  data::Fingerprint fingerprint(key_.encoding, key_.height, key_.width, key_.channels);
  for (int64_t shard = 0; shard < shards_; ++shard) {
    const std::string path = shard_path(shard);
    const data::ShardLayout layout = data::locate_shard(path);
    const data::Manifest one = manifest_of(layout, fs::path(path).filename().string());
    const data::ShardReader reader(folder_, one);
    fingerprint.add(reader.digests(0));
    for (const int64_t label : reader.labels(0)) {
      ++(label < 0 ? manifest.unlabelled : manifest.classes.at(static_cast<size_t>(label)).samples);
    }
    for (const auto& image : nlohmann::json::parse(reader.left_out(0))) {
      bad.push_back({image.at("name"), image.at("reason")});
    }
    manifest.samples += layout.samples;
    manifest.shards.push_back(one.shards.front());
  }
  manifest.fingerprint = fingerprint.text();
  return manifest;
}

void DataSetFolder::publish(const data::Manifest& manifest) const {
  const auto files = core::make_posix_file_system();
  core::write_atomically(*files, (fs::path(folder_) / data::kManifestName).string(),
                         data::text_of(manifest));
  std::set<std::string> kept;
  for (const data::Manifest::Shard& shard : manifest.shards) kept.insert(shard.file);
  for (const std::string& name : files->list(folder_)) {
    if (is_shard(name) && !kept.contains(name)) {
      files->remove_all((fs::path(folder_) / name).string());
    }
  }
}

}  // namespace bbg::data_prep
