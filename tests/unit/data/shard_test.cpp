#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "core/error.h"
#include "data/manifest.h"
#include "data/shard_reader.h"
#include "data/shard_set.h"
#include "data/verify.h"
#include "shard_fixture.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(Shards, GiveBackWhatWasWritten) {
  const Samples samples = random_samples(50, 48, 48, 3);
  for (const int64_t count : {1, 3, 50}) {
    const test::TemporaryFolder folder;
    const auto files = write_shards(samples, folder.path(), count);
    const ShardSet shards = ShardSet::open(folder.path());
    expect_equal(shards, samples);
    EXPECT_EQ(refusal(folder.path()), "accepted");
    EXPECT_EQ(shards.height(), 48);
    EXPECT_EQ(shards.width(), 48);
    EXPECT_EQ(shards.channels(), 3);
    EXPECT_EQ(shards.class_names(), kClassNames);
    EXPECT_EQ(shards.source_text(), "a test");
    EXPECT_EQ(shards.files(), files);
    EXPECT_EQ(shards.file(49), files.back());
    EXPECT_EQ(shards.source()->name(49), "sample 49");
    // Nothing else is left in the folder.
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), count + 1);
  }
}

TEST(Shards, MayHoldNoSample) {
  const Samples samples = random_samples(3);
  const test::TemporaryFolder folder;
  write_shards(samples, folder.path(), 5);  // two of them empty
  expect_equal(ShardSet::open(folder.path()), samples);
  EXPECT_EQ(refusal(folder.path()), "accepted");
}

TEST(Shards, MayHoldFilesOfDifferentLengths) {
  const test::TemporaryFolder folder;
  test::DataSetWriter writer({.folder = folder.path(),
                              .channels = 3,
                              .encoding = Encoding::kJpeg,
                              .shard_count = 3,
                              .class_names = {"one"}});
  std::vector<std::vector<uint8_t>> files;
  for (size_t i = 0; i < 10; ++i) {
    files.emplace_back(i * 700, static_cast<uint8_t>(i));
    writer.add(files.back(), i % 2 == 0 ? 0 : -1);
  }
  writer.close();
  const ShardSet shards = ShardSet::open(folder.path());
  EXPECT_EQ(shards.height(), 0);
  std::vector<uint8_t> buffer;
  for (size_t i = 0; i < 10; ++i) {
    const auto got = shards.source()->read(static_cast<int64_t>(i), buffer, Check::kVerify);
    EXPECT_EQ(std::vector(got.begin(), got.end()), files[i]);
  }
  EXPECT_EQ(shards.first_without_label(0, 10), 1);
  EXPECT_EQ(refusal(folder.path()), "accepted");
}

TEST(Shards, SamplesLieAtAnAlignedOffsetInOnePiece) {
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

TEST(Shards, UnfinishedWriterLeavesNothing) {
  const test::TemporaryFolder folder;
  {
    ShardWriter writer(folder / "shard.h5", {.height = 2, .width = 2, .channels = 1, .plan = ""});
    const std::vector<uint8_t> pixels(4);
    writer.write(writer.append(4, 0, 0, "a"), pixels);
    EXPECT_FALSE(fs::exists(folder / "shard.h5"));
    EXPECT_FALSE(fs::is_empty(folder.path()));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Shards, SetWithoutManifestIsOneThatWasNotFinished) {
  const test::TemporaryFolder folder;
  write_shards(random_samples(20), folder.path(), 2);
  fs::remove(folder / kManifestName);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("data_prep has not finished it"));
}

// Every 5th byte, each with one bit flipped: the file must be refused, or its content be the same
// (a few bytes of a file mean nothing: padding between its parts).
TEST(Shards, NoFlippedBitChangesWhatIsRead) {
  const Samples samples = random_samples(20, 8, 8, 1);
  const test::TemporaryFolder folder;
  const std::string shard = write_shards(samples, folder.path(), 1)[0];
  for (const std::string& path : {shard, folder / kManifestName}) {
    const std::string good = test::read_file(path);
    size_t refused = 0, tried = 0;
    for (size_t i = 0; i < good.size(); i += 5) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      test::write_file(path, bad);
      ++tried;
      if (refusal(folder.path()) != "accepted") {
        ++refused;
        continue;
      }
      expect_equal(ShardSet::open(folder.path()), samples);
      EXPECT_EQ(ShardSet::open(folder.path()).class_names(), kClassNames);
      if (HasFailure()) FAIL() << path << " byte " << i;
    }
    EXPECT_GT(refused, tried / 2);
    test::write_file(path, good);
  }
}

TEST(Shards, AllFlippedPixelsAreNamedWithFileSampleAndPlace) {
  const Samples samples = random_samples(40, 64, 64, 3);
  const test::TemporaryFolder folder;
  const auto files = write_shards(samples, folder.path(), 2);
  std::string bytes = test::read_file(files[1]);
  for (const size_t sample : {27, 31}) {
    const auto& pixels = samples.pixels[sample];
    bytes[bytes.find(std::string(pixels.begin(), pixels.end())) + 100] ^= 1;
  }
  test::write_file(files[1], bytes);

  const ShardSet shards = ShardSet::open(folder.path());
  std::vector<uint8_t> pixels(samples.pixels[0].size());
  shards.read(26, pixels);
  try {
    shards.read(27, pixels);
    FAIL() << "accepted";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(files[1] + " is damaged"));
    EXPECT_THAT(error.what(), HasSubstr("sample 7 of the shard (bytes "));
    EXPECT_THAT(error.hint(), HasSubstr("data_prep shard"));
  }
  const Verdict verdict = verify(folder.path(), {.threads = 3});
  EXPECT_EQ(verdict.bad_samples, 2);
  ASSERT_EQ(verdict.problems.size(), 2u);
  EXPECT_THAT(verdict.problems[1], HasSubstr("sample 11 of the shard"));
  const ShardSet trusting = ShardSet::open(folder.path(), false);
  trusting.read(27, pixels);
  EXPECT_NE(pixels, samples.pixels[27]);
}

TEST(Shards, TruncatedFileIsRefusedWhereverItEnds) {
  const Samples samples = random_samples(40, 16, 16, 1);
  const test::TemporaryFolder folder;
  const std::string shard = write_shards(samples, folder.path(), 1)[0];
  for (const std::string& path : {shard, folder / kManifestName}) {
    const std::string good = test::read_file(path);
    for (size_t length = 0; length < good.size() - 1; length += 97) {
      test::write_file(path, good.substr(0, length));
      EXPECT_THAT(refusal(folder.path()), HasSubstr(path)) << length;
    }
    test::write_file(path, good);
  }
  const std::string good = test::read_file(shard);
  test::write_file(shard, good.substr(0, good.size() - 1));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("is truncated"));
}

TEST(Shards, LabelThatIsNoClassIsRefused) {
  Samples samples = random_samples(5);
  const test::TemporaryFolder folder;
  samples.labels[3] = 1;
  const std::string path = write_shards(samples, folder.path(), 1)[0];
  Manifest manifest = parse_manifest(test::read_file(folder / kManifestName), "");
  manifest.unlabelled += manifest.classes.back().samples;
  manifest.classes.pop_back();
  test::write_file(folder / kManifestName, text_of(manifest));
  EXPECT_THAT(refusal(folder.path()),
              HasSubstr(path + " is damaged: its sample 3 has the label 1 and the data set 1 "));
}

TEST(Shards, ShardOfAnotherSetIsRefused) {
  const test::TemporaryFolder a, b;
  const auto files = write_shards(random_samples(20), a.path(), 2);
  Samples others = random_samples(20);  // as large
  others.pixels[15][3] ^= 1;
  write_shards(others, b.path(), 2);
  fs::copy_file(b / fs::path(files[1]).filename().string(), files[1],
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(refusal(a.path()), HasSubstr("is not the shard that dataset.json names"));
  fs::remove(files[1]);
  EXPECT_THAT(refusal(a.path()), HasSubstr(files[1] + " is missing, which dataset.json names"));
}

TEST(Shards, RelabelledSetHasOtherLabelsOfTheSameImages) {
  Samples samples = random_samples(20);
  const test::TemporaryFolder folder;
  write_shards(samples, folder.path(), 2);
  const ShardSet stored = ShardSet::open(folder.path());
  const ShardSet other = stored.relabelled({2, 0}, {"dog", "bird", "cat"});
  EXPECT_EQ(other.num_classes(), 3);
  EXPECT_EQ(other.class_names(), (std::vector<std::string>{"dog", "bird", "cat"}));
  EXPECT_EQ(other.class_counts(),
            (std::vector<int64_t>{stored.class_counts()[1], 0, stored.class_counts()[0]}));
  expect_equal(stored, samples);
  for (int64_t& label : samples.labels) label = label == 0 ? 2 : label == 1 ? 0 : -1;
  expect_equal(other, samples);
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
  expect_equal(shards, samples);
  EXPECT_EQ(refusal(folder.path()), "accepted");
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { expect_equal(shards, samples); });
}

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

core::SystemError::Details failure_of_reading(const std::string& folder) {
  try {
    std::vector<uint8_t> pixels(16);
    ShardSet::open(folder).read(0, pixels);
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
  write_shards(random_samples(5, 4, 4, 1), folder.path(), 1);
  for (const rlim_t number : {0, 1}) {
    const FewOpenFiles few(number);
    const auto failure = failure_of_reading(folder.path());
    EXPECT_EQ(failure.code, EMFILE);
    EXPECT_THAT(failure.cause, HasSubstr("Too many open files"));
    EXPECT_THAT(failure.cause, HasSubstr("ulimit -n"));
    EXPECT_FALSE(failure.restart_can_help);
  }
}

// Reading this file's first bytes fails as a disk does.
TEST(Shards, AFailureToReadIsNamedAsSuch) {
  const test::TemporaryFolder folder;
  const std::string path = write_shards(random_samples(5, 4, 4, 1), folder.path(), 1)[0];
  fs::remove(path);
  fs::create_symlink("/proc/self/mem", path);  // has no bytes, as far as its size tells
  Manifest manifest = parse_manifest(test::read_file(folder / kManifestName), "");
  manifest.shards[0].bytes = 0;
  test::write_file(folder / kManifestName, text_of(manifest));
  const auto failure = failure_of_reading(folder.path());
  EXPECT_EQ(failure.code, EIO);
  EXPECT_THAT(failure.object, HasSubstr(path));
  EXPECT_TRUE(failure.restart_can_help);
}

}  // namespace
}  // namespace bbg::data
