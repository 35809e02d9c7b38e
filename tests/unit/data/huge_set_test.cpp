// A data set far larger than memory, of files that are holes: its reader must not keep anything of
// the number of samples.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/file_system.h"
#include "data/hdf5_file.h"
#include "data/manifest.h"
#include "data/sample_plan.h"
#include "data/shard_format.h"
#include "data/shard_set.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data {
namespace {

using Type = Hdf5File::Type;

constexpr int64_t kSide = 4, kShards = 200;

// Shards whose parts all have their sizes, and no content.
std::string write_holes(const std::string& folder, int64_t samples) {
  Manifest manifest;
  manifest.height = manifest.width = kSide;
  manifest.channels = 1;
  manifest.samples = samples;
  manifest.classes = {{"one", samples}};
  const int64_t in_shard = samples / kShards;
  core::make_posix_file_system()->create_folders(folder);
  for (int64_t i = 0; i < kShards; ++i) {
    const std::string name = shard_file_name("00000000", i, kShards);
    Hdf5File file(folder + "/" + name, Hdf5File::Mode::kCreate);
    file.create_dataset(kImagesDataset, Type::kUint8, {in_shard, kSide, kSide, 1});
    file.create_dataset(kLabelsDataset, Type::kInt64, {in_shard});
    file.create_dataset(kDigestsDataset, Type::kUint64, {in_shard});
    file.create_dataset(kNamesDataset, Type::kUint8, {1});
    file.create_dataset(kNameOffsetsDataset, Type::kInt64, {in_shard + 1});
    file.create_dataset(kLeftOutDataset, Type::kUint8, {2});
    file.write_attribute(kVersionAttribute, kFormatVersion);
    file.write_attribute(kEncodingAttribute, std::string("raw"));
    file.write_attribute(kChannelsAttribute, int64_t{1});
    file.write_attribute(kSamplesAttribute, in_shard);
    file.write_attribute(kPlanAttribute, std::string("00000000"));
    file.write_attribute(kDigestAttribute, std::string("0"));
    file.write_attribute(kMagicAttribute, std::string(kMagic));
    file.close();
    const auto bytes = static_cast<int64_t>(std::filesystem::file_size(folder + "/" + name));
    manifest.shards.push_back({name, in_shard, bytes, "0"});
  }
  test::write_file(folder + "/" + kManifestName, text_of(manifest));
  return folder;
}

int64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") {
      int64_t kib = 0;
      status >> kib;
      return kib * 1024;
    }
  }
  return -1;
}

// Bytes that this process gained by reading 4,000 samples from all over the set.
int64_t bytes_of_reading(const std::string& folder) {
  const int64_t before = resident_bytes();
  const ShardSet set = ShardSet::open(folder);
  const SamplePlan plan(1, set.size(), 100);
  std::vector<uint8_t> pixels(kSide * kSide);
  for (int64_t draw = 0; draw < 40; ++draw) {
    for (int64_t slot = 0; slot < 100; ++slot) {
      const int64_t id = plan.sample_id(draw, slot);
      set.source()->read_pixels(id, pixels, Check::kTrust);
      EXPECT_EQ(set.label(id), 0);
    }
  }
  EXPECT_EQ(set.first_without_label(0, set.size()), std::nullopt);
  return resident_bytes() - before;
}

TEST(HugeSets, TakeNoMoreMemoryThanSmallOnes) {
  const test::TemporaryFolder folder;
  const std::string small = write_holes(folder / "small", 10'000);
  const std::string huge = write_holes(folder / "huge", 1'000'000'000);
  bytes_of_reading(small);  // HDF5 and allocators take some once
  const int64_t of_small = bytes_of_reading(small), of_huge = bytes_of_reading(huge);
  EXPECT_LT(of_huge, of_small + (20 << 20));
}

}  // namespace
}  // namespace bbg::data
