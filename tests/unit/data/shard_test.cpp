#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "core/error.h"
#include "data/hdf5_file.h"
#include "data/shard_format.h"
#include "data/shard_reader.h"
#include "shard_fixture.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string refusal(const std::string& path) {
  try {
    ShardSet::open(path).verify();
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

void expect_equal(const ShardSet& shards, const Samples& samples) {
  ASSERT_EQ(shards.size(), samples.size());
  std::vector<uint8_t> pixels(samples.pixels[0].size());
  for (int64_t i = 0; i < samples.size(); ++i) {
    shards.read(i, pixels);
    EXPECT_EQ(pixels, samples.pixels[static_cast<size_t>(i)]) << "sample " << i;
    EXPECT_EQ(shards.label(i), samples.labels[static_cast<size_t>(i)]) << "sample " << i;
  }
}

TEST(Shards, GiveBackWhatWasWritten) {
  // 48x48x3 bytes: 9 samples in a block, so that blocks end inside and at the end of shards.
  const Samples samples = random_samples(50, 48, 48, 3);
  for (const int64_t count : {1, 3, 50}) {
    const test::TemporaryFolder folder;
    const auto files = write_shards(samples, folder.path(), count);
    ASSERT_EQ(static_cast<int64_t>(files.size()), count);
    EXPECT_EQ(fs::path(files[0]).filename(), shard_file_name("data", 0, count));
    const ShardSet shards = ShardSet::open(folder.path());
    expect_equal(shards, samples);
    shards.verify();
    EXPECT_EQ(shards.height(), 48);
    EXPECT_EQ(shards.width(), 48);
    EXPECT_EQ(shards.channels(), 3);
    EXPECT_EQ(shards.num_classes(), 2);
    EXPECT_EQ(shards.class_names(), (std::vector<std::string>{"cat", "d\"o\"g \xC3\xBC"}));
    EXPECT_EQ(shards.source_text(), "a test");
    EXPECT_EQ(shards.files(), files);
    EXPECT_EQ(shards.file(49), files.back());
  }
}

TEST(Shards, PixelsLieAtAnAlignedOffsetInOnePiece) {
  const Samples samples = random_samples(40, 32, 32, 3);
  const test::TemporaryFolder folder;
  const auto files = write_shards(samples, folder.path(), 1);
  const std::string bytes = test::read_file(files[0]);
  std::string pixels;
  for (const auto& sample : samples.pixels) pixels.append(sample.begin(), sample.end());
  const size_t offset = bytes.find(pixels);
  ASSERT_NE(offset, std::string::npos);
  EXPECT_EQ(offset % kAlignment, 0u);
}

TEST(Shards, FingerprintIsOfTheSamplesNotOfTheFiles) {
  Samples samples = random_samples(20);
  const test::TemporaryFolder a, b, c;
  write_shards(samples, a.path(), 1);
  write_shards(samples, b.path(), 4);
  std::swap(samples.labels[3], samples.labels[4]);
  ASSERT_NE(samples.labels[3], samples.labels[4]);
  write_shards(samples, c.path(), 1);
  const std::string one = ShardSet::open(a.path()).fingerprint();
  EXPECT_EQ(one, ShardSet::open(b.path()).fingerprint());
  EXPECT_NE(one, ShardSet::open(c.path()).fingerprint());
}

TEST(Shards, TakeFewerSamplesThanAnnounced) {
  Samples samples = random_samples(30, 48, 48, 3);
  for (const int64_t kept : {30, 29, 21, 20, 3, 1}) {
    const test::TemporaryFolder folder;
    ShardWriter writer(options_for(samples, folder.path(), 3));
    Samples part = samples;
    part.pixels.resize(static_cast<size_t>(kept));
    part.labels.resize(static_cast<size_t>(kept));
    for (size_t i = 0; i < part.pixels.size(); ++i) writer.add(part.pixels[i], part.labels[i]);
    const auto files = writer.close();
    EXPECT_EQ(static_cast<int64_t>(files.size()), (kept + 9) / 10);
    const ShardSet shards = ShardSet::open(folder.path());
    expect_equal(shards, part);
    shards.verify();
    // Nothing else is left in the folder.
    EXPECT_EQ(static_cast<size_t>(std::distance(fs::directory_iterator(folder.path()), {})),
              files.size());
  }
}

TEST(Shards, UnfinishedWriterLeavesNothingThatIsTakenForComplete) {
  const Samples samples = random_samples(20);
  const test::TemporaryFolder folder;
  {
    ShardWriter writer(options_for(samples, folder.path(), 2));
    for (size_t i = 0; i < 15; ++i) writer.add(samples.pixels[i], samples.labels[i]);
    EXPECT_THAT(refusal(folder.path()), HasSubstr("only partial ones"));
    // As it lies on the disk after a kill, and under a final name.
    fs::copy_file(folder / "data-0.h5.partial", folder / shard_file_name("data", 0, 1));
    EXPECT_THAT(refusal(folder / shard_file_name("data", 0, 1)), testing::Ne("accepted"));
    fs::remove(folder / shard_file_name("data", 0, 1));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Shards, ExistingOnesAreReplacedOnlyOnDemandAndOnlyAtTheEnd) {
  const Samples samples = random_samples(20);
  const test::TemporaryFolder folder;
  write_shards(samples, folder.path(), 4);
  EXPECT_THROW(ShardWriter(options_for(samples, folder.path(), 1)), core::UsageError);
  ShardWriterOptions options = options_for(samples, folder.path(), 2);
  options.replace_existing = true;
  {
    ShardWriter interrupted(options);
    interrupted.add(samples.pixels[0], 0);
  }
  expect_equal(ShardSet::open(folder.path()), samples);
  ShardWriter writer(options);
  for (size_t i = 0; i < 20; ++i) writer.add(samples.pixels[i], samples.labels[i]);
  writer.close();
  EXPECT_EQ(ShardSet::open(folder.path()).files().size(), 2u);
}

// Every 5th byte, each with one bit flipped: the file must be refused, or its content be the same
// (a few bytes of a file mean nothing: padding between its parts).
TEST(Shards, NoFlippedBitChangesWhatIsRead) {
  const Samples samples = random_samples(20, 8, 8, 1);
  const test::TemporaryFolder folder;
  const std::string path = write_shards(samples, folder.path(), 1)[0];
  const std::string good = test::read_file(path);
  size_t refused = 0, tried = 0;
  for (size_t i = 0; i < good.size(); i += 5) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    test::write_file(path, bad);
    ++tried;
    try {
      const ShardSet shards = ShardSet::open(folder.path());
      shards.verify();
      expect_equal(shards, samples);
      EXPECT_EQ(shards.class_names().size(), 2u);
    } catch (const core::UsageError&) {
      ++refused;
    }
    if (HasFailure()) FAIL() << "byte " << i;
  }
  EXPECT_GT(refused, tried / 2);
}

TEST(Shards, FlippedPixelIsRefusedOnFirstTouchWithFileAndBlock) {
  const Samples samples = random_samples(40, 64, 64, 3);  // 5 samples a block
  const test::TemporaryFolder folder;
  const std::string path = write_shards(samples, folder.path(), 1)[0];
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

TEST(Shards, TruncatedFileIsRefusedWhereverItEnds) {
  const Samples samples = random_samples(40, 16, 16, 1);
  const test::TemporaryFolder folder;
  const std::string path = write_shards(samples, folder.path(), 1)[0];
  const std::string good = test::read_file(path);
  for (size_t length = 0; length < good.size(); length += 97) {
    test::write_file(path, good.substr(0, length));
    EXPECT_THAT(refusal(folder.path()), HasSubstr(path)) << length;
  }
  test::write_file(path, good.substr(0, good.size() - 1));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("is truncated"));
}

TEST(Shards, AnotherVersionIsRefusedByName) {
  const test::TemporaryFolder folder;
  const std::string path = write_shards(random_samples(5), folder.path(), 1)[0];
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t attribute = H5Aopen(file, kVersionAttribute, H5P_DEFAULT);
  const int64_t version = 2;
  H5Awrite(attribute, H5T_NATIVE_INT64, &version);
  H5Aclose(attribute);
  H5Fclose(file);
  EXPECT_THAT(refusal(folder.path()),
              HasSubstr("has shard format version 2, this program reads version 1"));
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

TEST(Shards, LabelThatIsNoClassIsRefusedOnOpening) {
  const test::TemporaryFolder folder;
  const std::string path = write_shards(random_samples(5), folder.path(), 1)[0];
  set_label(path, 3, 1);  // the second of two classes
  EXPECT_EQ(ShardSet::open(folder.path()).label(3), 1);
  for (const int64_t label : {2, -2}) {
    set_label(path, 3, label);
    EXPECT_THAT(refusal(folder.path()),
                HasSubstr(path + " is damaged: its sample 3 has the label " +
                          std::to_string(label) + " and the data set 2 classes"));
  }
}

TEST(Shards, RelabelledSetHasOtherLabelsOfTheSameImages) {
  Samples samples = random_samples(20);
  const test::TemporaryFolder folder;
  write_shards(samples, folder.path(), 2);
  const ShardSet stored = ShardSet::open(folder.path());
  const ShardSet other = stored.relabelled({2, 0}, {"dog", "bird", "cat"});
  EXPECT_EQ(other.num_classes(), 3);
  EXPECT_EQ(other.class_names(), (std::vector<std::string>{"dog", "bird", "cat"}));
  other.verify();  // the files hold what they held
  expect_equal(stored, samples);
  for (int64_t& label : samples.labels) label = label == 0 ? 2 : label == 1 ? 0 : -1;
  expect_equal(other, samples);
  EXPECT_EQ(other.source()->label(3), samples.labels[3]);
}

TEST(Shards, OtherFilesAreRefused) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(refusal(folder / "absent"), HasSubstr("does not exist"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("has no shards"));
  EXPECT_THAT(refusal(""), HasSubstr("no data set"));
  test::write_file(folder / "text.h5", "this is not HDF5");
  EXPECT_THAT(refusal(folder / "text.h5"), HasSubstr("damaged or not a shard"));
  const hid_t file =
      H5Fcreate((folder / "other.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  EXPECT_THAT(refusal(folder / "other.h5"), HasSubstr("not a shard of bbg_dist"));
}

TEST(Shards, MissingDoubleAndForeignShardsAreRefused) {
  const Samples samples = random_samples(20);
  const test::TemporaryFolder folder, other;
  const auto files = write_shards(samples, folder.path(), 3);
  write_shards(random_samples(21), other.path(), 3);

  EXPECT_THAT(refusal(files[1]), HasSubstr("shard 0 (counted from 0) of 3 is missing"));
  const std::string kept = test::read_file(files[1]);
  fs::remove(files[1]);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("shard 1 (counted from 0) of 3 is missing"));
  test::write_file(files[1], test::read_file(files[0]));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("is there twice"));
  fs::remove(files[1]);
  fs::copy_file(other / shard_file_name("data", 1, 3), files[1]);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("belongs to another data set"));
  test::write_file(files[1], kept);
  EXPECT_EQ(refusal(folder.path()), "accepted");
}

// While it lives the process may open `number` more files.
class FewOpenFiles {
 public:
  explicit FewOpenFiles(rlim_t number) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(STDERR_FILENO);  // the lowest that is free
    ::close(next);
    const rlimit few{.rlim_cur = static_cast<rlim_t>(next) + number, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewOpenFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Shards, MayBeManyMoreThanFilesThatAreOpenAtATime) {
  const Samples samples = random_samples(200, 16, 16, 1);
  const test::TemporaryFolder folder;
  write_shards(samples, folder.path(), 100);
  const FewOpenFiles few(30);
  const ShardSet shards = ShardSet::open(folder.path());
  EXPECT_EQ(shards.files().size(), 100u);
  expect_equal(shards, samples);
  shards.verify();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { expect_equal(shards, samples); });
}

// A file that is opened again may be another one by then, and its blocks pass for checked.
TEST(Shards, OneThatWasReplacedWhileItIsReadIsRefused) {
  const Samples samples = random_samples(200, 16, 16, 1);
  const test::TemporaryFolder folder;
  const auto files = write_shards(samples, folder.path(), 100);
  const FewOpenFiles few(30);
  const ShardSet shards = ShardSet::open(folder.path());
  expect_equal(shards, samples);
  const std::string bytes = test::read_file(files[0]);
  fs::remove(files[0]);
  test::write_file(files[0], bytes);
  std::vector<uint8_t> pixels(16 * 16);
  try {
    shards.read(0, pixels);
    FAIL() << "read from another file";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(files[0] + " was changed or replaced"));
  }
}

core::SystemError::Details failure_of_opening(const std::string& path) {
  try {
    ShardSet::open(path);
  } catch (const core::SystemError& error) {
    return error.details();
  } catch (const core::UsageError& error) {
    ADD_FAILURE() << "taken for the file's fault: " << error.what();
  }
  return {};
}

// A refusal by the system is no damage: the file may be whole.
TEST(Shards, TooManyOpenFilesAreNamedAsSuch) {
  const test::TemporaryFolder folder;
  const std::string path = write_shards(random_samples(5), folder.path(), 1)[0];
  for (const rlim_t number : {0, 1}) {  // refused: our own call, then HDF5's
    const FewOpenFiles few(number);
    const auto failure = failure_of_opening(path);
    EXPECT_EQ(failure.code, EMFILE);
    EXPECT_THAT(failure.object, HasSubstr(path));
    EXPECT_THAT(failure.cause, HasSubstr("Too many open files"));
    EXPECT_THAT(failure.cause, HasSubstr("ulimit -n"));
    EXPECT_FALSE(failure.restart_can_help);
  }
}

// Reading this file's first bytes fails as a disk does.
TEST(Shards, AFailureToReadIsNamedAsSuch) {
  const auto failure = failure_of_opening("/proc/self/mem");
  EXPECT_EQ(failure.code, EIO);
  EXPECT_THAT(failure.object, HasSubstr("/proc/self/mem"));
  EXPECT_TRUE(failure.restart_can_help);
}

TEST(Shards, ThreadsMayReadTheSameBlocksAtOnce) {
  const Samples samples = random_samples(200, 16, 16, 1);
  const test::TemporaryFolder folder;
  write_shards(samples, folder.path(), 2);
  const ShardSet shards = ShardSet::open(folder.path());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { expect_equal(shards, samples); });
}

}  // namespace
}  // namespace bbg::data
