#include "data/read_ahead.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/unique_handle.h"
#include "data/loader.h"
#include "data/open_files.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/data/faulty_source.h"

namespace bbg::data {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr int64_t kBatch = 12;

// Rank 1 of two, from draw 3 on.
LoaderSetup setup_of(int64_t threads) {
  DataOptions options;
  options.batch = kBatch;
  options.loader_threads = threads;
  options.prefetch = 2;
  return {.plan = {1, 50, kBatch},
          .options = options,
          .slots = core::Slots::of_rank(kBatch, 1, 2),
          .size = 1,
          .first_draw = 3};
}

// The samples of this rank's rows [1, end), counted from its first.
std::vector<int64_t> samples_up_to(const LoaderSetup& setup, int64_t end) {
  std::vector<int64_t> samples;
  const int64_t count = setup.slots.count();
  for (int64_t i = 1; i < end; ++i) {
    samples.push_back(setup.plan.sample_id(setup.first_draw + i / count, setup.slots[i % count]));
  }
  return samples;
}

TEST(ReadAhead, AsksForEachRowOnceInOrderAndNoFurther) {
  FaultySource source(50);
  source.waits = true;
  const LoaderSetup setup = setup_of(1);
  ReadAhead ahead(source, setup, 1 << 18);
  EXPECT_EQ(ahead.distance(), 32);
  ahead.follow(3, 0);
  EXPECT_THAT(source.asked(), ElementsAreArray(samples_up_to(setup, 33)));
  ahead.follow(3, 2);
  ahead.follow(3, 1);  // another thread's, which is later
  EXPECT_THAT(source.asked(), ElementsAreArray(samples_up_to(setup, 35)));
  ahead.follow(4, 0);
  EXPECT_THAT(source.asked(), ElementsAreArray(samples_up_to(setup, 39)));
}

TEST(ReadAhead, KeepsSilentWhileNoReadWaitsAndThenBeginsWithTheNextRow) {
  FaultySource source(50);
  const LoaderSetup setup = setup_of(1);
  ReadAhead ahead(source, setup, 8 << 20);
  for (int64_t row = 0; row < 6; ++row) ahead.follow(3, row);
  EXPECT_THAT(source.asked(), IsEmpty());
  source.waits = true;
  ahead.follow(4, 0);
  const std::vector<int64_t> all = samples_up_to(setup, 7 + ahead.distance());
  EXPECT_THAT(source.asked(), ElementsAreArray(all.begin() + 6, all.end()));
}

TEST(ReadAhead, OfALoaderGoesAheadOfAnyNumberOfThreads) {
  for (const int64_t threads : {1, 4}) {
    const auto source = std::make_shared<FaultySource>(50);
    source->waits = true;
    const LoaderSetup setup = setup_of(threads);
    const int64_t distance = ReadAhead(*source, setup, 1).distance();
    {
      Loader loader(source, setup);
      for (int i = 0; i < 4; ++i) loader.next();
    }
    const std::vector<int64_t> asked = source->asked();
    // 4 batches were taken and up to 2 more were built, of 6 rows each.
    EXPECT_GE(std::ssize(asked), 4 * 6 - 1 + distance);
    EXPECT_LE(std::ssize(asked), 6 * 6 - 1 + distance);
    if (threads > 1) continue;  // the stretches of several may be told in another order
    EXPECT_THAT(asked, ElementsAreArray(samples_up_to(setup, std::ssize(asked) + 1)));
  }
}

class FilesOnDisk : public testing::Test {
 protected:
  FilesOnDisk() { test::write_file(path_, std::string(kBytes, 'x')); }
  static void read(const OpenFiles& files, int64_t offset) {
    std::vector<uint8_t> page(kPage);
    files.read_at(0, offset, page);
    EXPECT_EQ(page, std::vector<uint8_t>(kPage, 'x'));
  }
  // Takes the file out of the system's memory; false where the file system keeps it there.
  bool forget() {
    const core::Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    ::fsync(file.get());
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    return reading_last_page_waits();
  }
  bool reading_last_page_waits() {
    std::vector<uint8_t> page(kPage);
    return FileDescriptor(path_).read_at(kBytes - kPage, page);
  }

  static constexpr int64_t kBytes = 1 << 20, kPage = 4096;
  const test::TemporaryFolder folder_;
  const std::string path_ = folder_ / "file";
};

TEST_F(FilesOnDisk, ReadsFromMemoryDoNotWaitAndThoseFromADiskAreHinted) {
  if (!forget()) GTEST_SKIP() << "the file system of " << path_ << " keeps files in memory";
  EXPECT_FALSE(reading_last_page_waits()) << "it was read just now";
  OpenFiles files(1);
  files.add(path_);
  read(files, kBytes - kPage);
  EXPECT_FALSE(files.has_waited());
  ASSERT_TRUE(forget());
  OpenFiles again(1);
  again.add(path_);
  read(again, 0);
  EXPECT_TRUE(again.has_waited());
  // After some thousand hints it is time to look again.
  int64_t hints = 0;
  for (; again.has_waited() && hints < 100'000; ++hints) again.will_read(0, 0, 1);
  EXPECT_EQ(hints, 4096);
}

}  // namespace
}  // namespace bbg::data
