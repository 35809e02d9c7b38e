#pragma once
// A data set far larger than memory and disk: shards whose parts all have their sizes and no
// content, as holes of sparse files.

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/file_system.h"
#include "data/hdf5_file.h"
#include "data/manifest.h"
#include "data/shard_format.h"
#include "tests/support/temporary_folder.h"

namespace bbg::test {

// `samples` black images of side x side, one channel and one class, in 200 shards, with digests
// that are not theirs. Returns the folder.
inline std::string write_hollow_data_set(const std::string& folder, int64_t samples, int64_t side) {
  using Type = data::Hdf5File::Type;
  constexpr int64_t kShards = 200;
  data::Manifest manifest;
  manifest.height = manifest.width = side;
  manifest.channels = 1;
  manifest.samples = samples;
  manifest.classes = {{"one", samples}};
  const int64_t in_shard = samples / kShards;
  core::make_posix_file_system()->create_folders(folder);
  for (int64_t i = 0; i < kShards; ++i) {
    const std::string name = data::shard_file_name("00000000", i, kShards);
    data::Hdf5File file(folder + "/" + name, data::Hdf5File::Mode::kCreate);
    file.create_dataset(data::kImagesDataset, Type::kUint8, {in_shard, side, side, 1});
    file.create_dataset(data::kLabelsDataset, Type::kInt64, {in_shard});
    file.create_dataset(data::kDigestsDataset, Type::kUint64, {in_shard});
    file.create_dataset(data::kNamesDataset, Type::kUint8, {1});
    file.create_dataset(data::kNameOffsetsDataset, Type::kInt64, {in_shard + 1});
    file.create_dataset(data::kLeftOutDataset, Type::kUint8, {2});
    file.write_attribute(data::kVersionAttribute, data::kFormatVersion);
    file.write_attribute(data::kEncodingAttribute, std::string("raw"));
    file.write_attribute(data::kChannelsAttribute, int64_t{1});
    file.write_attribute(data::kSamplesAttribute, in_shard);
    file.write_attribute(data::kPlanAttribute, std::string("00000000"));
    file.write_attribute(data::kDigestAttribute, std::string("0"));
    file.write_attribute(data::kMagicAttribute, std::string(data::kMagic));
    file.close();
    const auto bytes = static_cast<int64_t>(std::filesystem::file_size(folder + "/" + name));
    manifest.shards.push_back({name, in_shard, bytes, "0"});
  }
  write_file(folder + "/" + data::kManifestName, text_of(manifest));
  return folder;
}

}  // namespace bbg::test
