#include "data/ram_cache.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/loader.h"
#include "data/shard_set.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/data/faulty_source.h"
#include "tests/unit/data/shard_fixture.h"

namespace bbg::data {
namespace {

SharedMemory memory_for(const SampleSource& source, int64_t file_bytes = 0) {
  return SharedMemory::create(RamCache::bytes_for(source, file_bytes));
}

uint8_t pixel(const RamCache& cache, int64_t index) {
  uint8_t value = 0;
  cache.read_pixels(index, {&value, 1}, Check::kVerify);
  return value;
}

TEST(RamCache, ReadsEachSampleOnceForAllWhoShareTheMemory) {
  const auto source = std::make_shared<FaultySource>(50);
  SharedMemory memory = memory_for(*source);
  const std::string address = memory.address();
  const RamCache first(source, std::move(memory)), second(source, SharedMemory::open(address));
  for (const RamCache* cache : {&first, &second, &first}) {
    for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(pixel(*cache, i), i);
  }
  EXPECT_EQ(source->reads, 50);
}

TEST(RamCache, SharesItsMemoryWithAnotherProcess) {
  const auto source = std::make_shared<FaultySource>(50);
  const RamCache cache(source, memory_for(*source));
  const pid_t child = ::fork();
  if (child == 0) {
    for (int64_t i = 0; i < 50; i += 2) pixel(cache, i);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(pixel(cache, i), i);
  EXPECT_EQ(source->reads, 25);
}

TEST(RamCache, DoesNotKeepWhatIsDamaged) {
  const auto source = std::make_shared<FaultySource>(8);
  source->rotten = {3};
  const RamCache cache(source, memory_for(*source));
  EXPECT_THROW(pixel(cache, 3), core::UsageError);
  EXPECT_THROW(pixel(cache, 3), core::UsageError);
}

TEST(RamCache, KeepsFilesOfDifferentSizes) {
  const test::TemporaryFolder folder;
  test::DataSetWriter writer(
      {.folder = folder.path(), .channels = 3, .encoding = Encoding::kJpeg, .shard_count = 2});
  std::vector<std::vector<uint8_t>> files;
  for (size_t i = 0; i < 20; ++i) {
    files.emplace_back(1 + i * 7 % 13, static_cast<uint8_t>(i));
    writer.add(files.back(), -1);
  }
  writer.close();
  const ShardSet set = ShardSet::open(folder.path());
  const ShardSet kept = set.read_through(
      std::make_shared<const RamCache>(set.source(), memory_for(*set.source(), set.file_bytes())));
  std::vector<uint8_t> buffer;
  for (int round = 0; round < 2; ++round) {
    for (int64_t i = 19; i >= 0; --i) {
      const auto bytes = kept.source()->read(i, buffer, Check::kVerify);
      EXPECT_EQ(std::vector(bytes.begin(), bytes.end()), files[static_cast<size_t>(i)]);
    }
  }
}

TEST(RamCache, GivesALoaderTheSameBatches) {
  const auto source = std::make_shared<FaultySource>(50);
  const auto cache = std::make_shared<const RamCache>(source, memory_for(*source));
  DataOptions options;
  options.batch = 8;
  options.loader_threads = 4;
  const LoaderSetup setup{
      .plan = {1, 50, 8}, .options = options, .slots = core::Slots::of_rank(8, 0, 1), .size = 1};
  Loader loader(cache, setup);
  for (int64_t draw = 0; draw < 100; ++draw) {
    const Lease lease = loader.next();
    for (size_t row = 0; row < 8; ++row) {
      const int64_t id = setup.plan.sample_id(draw, static_cast<int64_t>(row));
      EXPECT_EQ(lease->pixels()[row], id);
      EXPECT_EQ(lease->labels[row], id % 3);
    }
  }
  EXPECT_LE(source->reads, 50 + 4) << "two threads may read a sample at once";
}

TEST(AvailableMemory, IsSomeAndLessThanThereIs) {
  EXPECT_GT(available_memory(), 0);
  EXPECT_LE(available_memory(), ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE));
}

}  // namespace
}  // namespace bbg::data
