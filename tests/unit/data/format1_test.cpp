#include "data/format1/format1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <filesystem>
#include <thread>

#include "core/error.h"
#include "data/hdf5_file.h"
#include "data/shard_set.h"
#include "data/verify.h"
#include "shard_fixture.h"
#include "tests/support/format1_writer.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data::format1 {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::vector<std::string> write_old_shards(const Samples& samples, const std::string& folder,
                                          int64_t shard_count) {
  Writer writer({.folder = folder,
                 .height = samples.height,
                 .width = samples.width,
                 .channels = samples.channels,
                 .max_samples = samples.size(),
                 .shard_count = shard_count,
                 .class_names = kClassNames,
                 .source = "a test"});
  for (int64_t i = 0; i < samples.size(); ++i) {
    writer.add(samples.pixels[static_cast<size_t>(i)], samples.labels[static_cast<size_t>(i)]);
  }
  return writer.close();
}

TEST(Format1, GiveBackWhatWasWritten) {
  // 48x48x3 bytes: 9 samples in a block, so that blocks end inside and at the end of shards.
  const Samples samples = random_samples(50, 48, 48, 3);
  for (const int64_t count : {1, 3, 50}) {
    const test::TemporaryFolder folder;
    const auto files = write_old_shards(samples, folder.path(), count);
    ASSERT_EQ(static_cast<int64_t>(files.size()), count);
    const ShardSet shards = ShardSet::open(folder.path());
    expect_equal(shards, samples);
    EXPECT_EQ(refusal(folder.path()), "accepted");
    EXPECT_EQ(shards.height(), 48);
    EXPECT_EQ(shards.width(), 48);
    EXPECT_EQ(shards.channels(), 3);
    EXPECT_EQ(shards.num_classes(), 2);
    EXPECT_EQ(shards.class_names(), (kClassNames));
    EXPECT_EQ(shards.source_text(), "a test");
    EXPECT_EQ(shards.files(), files);
    EXPECT_EQ(shards.file(49), files.back());
  }
}

TEST(Format1, FingerprintIsOfTheSamplesNotOfTheFiles) {
  Samples samples = random_samples(20);
  const test::TemporaryFolder a, b, c;
  write_old_shards(samples, a.path(), 1);
  write_old_shards(samples, b.path(), 4);
  std::swap(samples.labels[3], samples.labels[4]);
  ASSERT_NE(samples.labels[3], samples.labels[4]);
  write_old_shards(samples, c.path(), 1);
  const std::string one = ShardSet::open(a.path()).fingerprint();
  EXPECT_EQ(one, ShardSet::open(b.path()).fingerprint());
  EXPECT_NE(one, ShardSet::open(c.path()).fingerprint());
}

// Every 5th byte, each with one bit flipped: the file must be refused, or its content be the same
// (a few bytes of a file mean nothing: padding between its parts).
TEST(Format1, NoFlippedBitChangesWhatIsRead) {
  const Samples samples = random_samples(20, 8, 8, 1);
  const test::TemporaryFolder folder;
  const std::string path = write_old_shards(samples, folder.path(), 1)[0];
  const std::string good = test::read_file(path);
  size_t refused = 0, tried = 0;
  for (size_t i = 0; i < good.size(); i += 5) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    test::write_file(path, bad);
    ++tried;
    try {
      const ShardSet shards = ShardSet::open(folder.path());
      if (refusal(folder.path()) != "accepted") {
        ++refused;
        continue;
      }
      expect_equal(shards, samples);
      EXPECT_EQ(shards.class_names().size(), 2u);
    } catch (const core::UsageError&) {
      ++refused;
    }
    if (HasFailure()) FAIL() << "byte " << i;
  }
  EXPECT_GT(refused, tried / 2);
}

TEST(Format1, FlippedPixelIsRefusedOnFirstTouchWithFileAndBlock) {
  const Samples samples = random_samples(40, 64, 64, 3);  // 5 samples a block
  const test::TemporaryFolder folder;
  const std::string path = write_old_shards(samples, folder.path(), 1)[0];
  std::string bytes = test::read_file(path);
  const std::string victim(samples.pixels[17].begin(), samples.pixels[17].end());
  bytes[bytes.find(victim) + 100] ^= 1;
  test::write_file(path, bytes);

  const ShardSet shards = ShardSet::open(folder.path());
  std::vector<uint8_t> pixels(victim.size());
  shards.read(14, pixels);
  shards.read(20, pixels);
  try {
    shards.read(15, pixels);  // same block as 17
    FAIL() << "accepted";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path + " is damaged"));
    EXPECT_THAT(error.what(), HasSubstr("block 3 (samples 15 to 19)"));
    EXPECT_THAT(error.hint(), HasSubstr("data_prep shard"));
  }
  EXPECT_THAT(refusal(folder.path()), HasSubstr("block 3"));
  const ShardSet trusting = ShardSet::open(folder.path(), false);
  trusting.read(17, pixels);
  EXPECT_NE(pixels, samples.pixels[17]);
}

TEST(Format1, TruncatedFileIsRefusedWhereverItEnds) {
  const Samples samples = random_samples(40, 16, 16, 1);
  const test::TemporaryFolder folder;
  const std::string path = write_old_shards(samples, folder.path(), 1)[0];
  const std::string good = test::read_file(path);
  for (size_t length = 0; length < good.size(); length += 97) {
    test::write_file(path, good.substr(0, length));
    EXPECT_THAT(refusal(folder.path()), HasSubstr(path)) << length;
  }
  test::write_file(path, good.substr(0, good.size() - 1));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("is truncated"));
}

TEST(Format1, AnotherVersionIsRefusedByName) {
  const test::TemporaryFolder folder;
  const std::string path = write_old_shards(random_samples(5), folder.path(), 1)[0];
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t attribute = H5Aopen(file, kVersionAttribute, H5P_DEFAULT);
  const int64_t version = 3;
  H5Awrite(attribute, H5T_NATIVE_INT64, &version);
  H5Aclose(attribute);
  H5Fclose(file);
  EXPECT_THAT(refusal(folder.path()),
              HasSubstr("has shard format version 3, this program reads version 1"));
}

// A shard as another program might write it: whole, with the right checksum, and one label changed.
void set_label(const std::string& path, int64_t sample, int64_t label) {
  const hid_t raw = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Adelete(raw, kHeaderChecksumAttribute);
  H5Fclose(raw);
  using Type = Hdf5File::Type;
  Hdf5File file(path, Hdf5File::Mode::kUpdate);
  file.write_rows(kLabelsDataset, Type::kInt64, sample, 1, &label);
  const std::vector<int64_t> shape = file.shape(kImagesDataset);
  ShardHeader header{
      .height = shape[1],
      .width = shape[2],
      .channels = shape[3],
      .num_samples = file.read_number(kNumSamplesAttribute),
      .shard_samples = shape[0],
      .first_index = file.read_number(kFirstIndexAttribute),
      .shard_index = file.read_number(kShardIndexAttribute),
      .shard_count = file.read_number(kShardCountAttribute),
      .num_classes = file.read_number(kNumClassesAttribute),
      .block_samples = file.read_number(kBlockSamplesAttribute),
      .class_names = std::string(static_cast<size_t>(file.shape(kClassNamesDataset)[0]), ' '),
      .fingerprint = file.read_text(kFingerprintAttribute),
      .source = file.read_text(kSourceAttribute)};
  std::vector<int64_t> labels(static_cast<size_t>(shape[0]));
  std::vector<uint64_t> checksums(static_cast<size_t>(header.num_blocks()));
  file.read_rows(kClassNamesDataset, Type::kUint8, 0, std::ssize(header.class_names),
                 header.class_names.data());
  file.read_rows(kLabelsDataset, Type::kInt64, 0, shape[0], labels.data());
  file.read_rows(kChecksumsDataset, Type::kUint64, 0, header.num_blocks(), checksums.data());
  file.write_attribute(kHeaderChecksumAttribute,
                       core::hex(header_checksum(header, labels, checksums)));
  file.close();
}

TEST(Format1, LabelThatIsNoClassIsRefusedOnOpening) {
  const test::TemporaryFolder folder;
  const std::string path = write_old_shards(random_samples(5), folder.path(), 1)[0];
  set_label(path, 3, 1);  // the second of two classes
  EXPECT_EQ(ShardSet::open(folder.path()).label(3), 1);
  for (const int64_t label : {2, -2}) {
    set_label(path, 3, label);
    EXPECT_THAT(refusal(folder.path()),
                HasSubstr(path + " is damaged: its sample 3 has the label " +
                          std::to_string(label) + " and the data set 2 classes"));
  }
}

TEST(Format1, OtherFilesAreRefused) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(refusal(folder / "absent"), HasSubstr("does not exist"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("has no data set"));
  EXPECT_THAT(refusal(""), HasSubstr("no data set"));
  test::write_file(folder / "text.h5", "this is not HDF5");
  EXPECT_THAT(refusal(folder / "text.h5"), HasSubstr("damaged or not a shard"));
  const hid_t file =
      H5Fcreate((folder / "other.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  EXPECT_THAT(refusal(folder / "other.h5"), HasSubstr("not a shard of bbg_dist"));
}

TEST(Format1, MissingDoubleAndForeignShardsAreRefused) {
  const Samples samples = random_samples(20);
  const test::TemporaryFolder folder, other;
  const auto files = write_old_shards(samples, folder.path(), 3);
  write_old_shards(random_samples(21), other.path(), 3);

  EXPECT_THAT(refusal(files[1]), HasSubstr("shard 0 (counted from 0) of 3 is missing"));
  const std::string kept = test::read_file(files[1]);
  fs::remove(files[1]);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("shard 1 (counted from 0) of 3 is missing"));
  test::write_file(files[1], test::read_file(files[0]));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("is there twice"));
  fs::remove(files[1]);
  fs::copy_file(other / fs::path(files[1]).filename().string(), files[1]);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("belongs to another data set"));
  test::write_file(files[1], kept);
  EXPECT_EQ(refusal(folder.path()), "accepted");
}

TEST(Format1, ThreadsMayReadTheSameBlocksAtOnce) {
  const Samples samples = random_samples(200, 16, 16, 1);
  const test::TemporaryFolder folder;
  write_old_shards(samples, folder.path(), 2);
  const ShardSet shards = ShardSet::open(folder.path());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { expect_equal(shards, samples); });
}

}  // namespace
}  // namespace bbg::data::format1
