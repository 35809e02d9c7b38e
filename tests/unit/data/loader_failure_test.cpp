#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "data/loader.h"
#include "data/replacement.h"
#include "data/retry.h"
#include "data/shard_set.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/data/faulty_source.h"
#include "tests/unit/data/shard_fixture.h"

namespace bbg::data {
namespace {

using testing::HasSubstr;

LoaderSetup setup_of(const SampleSource& source, int64_t batch, int rank = 0, int ranks = 1) {
  DataOptions options;
  options.batch = batch;
  options.loader_threads = 1;
  return {.plan = {1, source.size(), batch},
          .options = options,
          .slots = core::Slots::of_rank(batch, rank, ranks),
          .size = source.height()};
}

template <class Error>
std::string message_of(Loader& loader) {
  try {
    for (int i = 0; i < 20; ++i) loader.next();
  } catch (const Error& error) {
    return error.what();
  }
  return "no such error";
}

TEST(LoaderDamage, FoundByAThreadIsThrownFromNextAndAgain) {
  const Samples samples = random_samples(50, 4, 4);
  const test::TemporaryFolder folder;
  const std::string path = write_shards(samples, folder.path(), 3)[1];
  std::string bytes = test::read_file(path);
  const std::string victim(samples.pixels[20].begin(), samples.pixels[20].end());
  bytes[bytes.find(victim)] ^= 1;
  test::write_file(path, bytes);
  const ShardSet damaged = ShardSet::open(folder.path());
  LoaderSetup setup = setup_of(*damaged.source(), 8);
  setup.options.loader_threads = 3;
  Loader loader(damaged.source(), setup);
  EXPECT_THAT(message_of<core::UsageError>(loader), HasSubstr(path + " is damaged"));
  EXPECT_THROW(loader.next(), core::UsageError);
}

TEST(LoaderDamage, OfTheLowestRowIsToldWhateverTheThreads) {
  const auto source = std::make_shared<FaultySource>(64);
  LoaderSetup setup = setup_of(*source, 64);
  for (int64_t id = 0; id < 64; ++id) source->damaged.insert(id);
  const std::string first = std::to_string(setup.plan.sample_id(0, 0));
  for (setup.options.loader_threads = 1; setup.options.loader_threads < 8;
       ++setup.options.loader_threads) {
    Loader loader(source, setup);
    EXPECT_EQ(message_of<core::UsageError>(loader), "sample " + first + " is damaged");
  }
}

// Ids of draws [first, 20) in slot order, with damaged samples replaced.
std::vector<int64_t> ids_with_replacements(const std::shared_ptr<const FaultySource>& source,
                                           int ranks, int64_t first, int64_t* count = nullptr) {
  std::vector<std::unique_ptr<Loader>> loaders;
  for (int rank = 0; rank < ranks; ++rank) {
    LoaderSetup setup = setup_of(*source, 8, rank, ranks);
    setup.options.on_corrupt = OnCorrupt::kSkip;
    setup.options.loader_threads = 1 + rank % 3;
    setup.first_draw = first;
    loaders.push_back(std::make_unique<Loader>(source, setup));
  }
  std::vector<int64_t> ids;
  for (int64_t draw = first; draw < 20; ++draw) {
    for (const auto& loader : loaders) {
      const Lease lease = loader->next();
      for (size_t row = 0; row < lease->sample_ids.size(); ++row) {
        ids.push_back(lease->sample_ids[row]);
        EXPECT_EQ(lease->pixels()[row], ids.back());
        EXPECT_EQ(lease->labels[row], ids.back() % 3);
      }
    }
  }
  if (count != nullptr) *count = loaders[0]->replaced().count;
  return ids;
}

TEST(LoaderDamage, IsReplacedByTheNextGoodSampleOfTheEpochOnAnyRanksAndAfterAResume) {
  const auto source = std::make_shared<FaultySource>(50);
  const SamplePlan plan(1, 50, 8);
  // Found by decoding or by digest alone, two in a row, and at an epoch's end.
  source->damaged = {plan.permuted(0, 7), plan.permuted(0, 49)};
  source->rotten = {plan.permuted(0, 8)};
  const auto is_good = [&](int64_t id) {
    return !source->damaged.contains(id) && !source->rotten.contains(id);
  };
  std::vector<int64_t> expected;
  int64_t replaced = 0;
  for (int64_t image = 0; image < 20 * 8; ++image) {
    int64_t place = image % 50;
    while (!is_good(plan.permuted(image / 50, place))) place = (place + 1) % 50;
    replaced += place != image % 50;
    expected.push_back(plan.permuted(image / 50, place));
  }
  EXPECT_EQ(expected[7], plan.permuted(0, 9));
  EXPECT_EQ(expected[49], plan.permuted(0, 0));
  for (const int ranks : {1, 2, 4, 8}) {
    EXPECT_EQ(ids_with_replacements(source, ranks, 0), expected) << ranks;
    EXPECT_EQ(ids_with_replacements(source, ranks, 9),
              std::vector(expected.begin() + 9 * 8, expected.end()));
  }
  int64_t count = 0;
  ids_with_replacements(source, 1, 0, &count);
  // Batches that are read ahead count too.
  EXPECT_GE(count, replaced);
  EXPECT_LE(count, replaced + 4);
}

TEST(LoaderDamage, OfAllSamplesEndsTheRunThatSkips) {
  const auto source = std::make_shared<FaultySource>(5);
  source->damaged = {0, 1, 2, 3, 4};
  LoaderSetup setup = setup_of(*source, 2);
  setup.options.on_corrupt = OnCorrupt::kSkip;
  setup.options.prefetch = 1;  // batches that are read ahead would be noted too
  Loader loader(source, setup);
  EXPECT_THROW(loader.next(), core::UsageError);
  EXPECT_EQ(loader.replaced().first.size(), 1);
}

TEST(LoaderRetries, ReadWhereADiskWasAwayForAMoment) {
  const auto source = std::make_shared<FaultySource>(8);
  source->failures = {{3, 2}};
  Loader loader(source, setup_of(*source, 8));
  const Lease lease = loader.next();
  EXPECT_EQ(std::set<int64_t>(lease->sample_ids.begin(), lease->sample_ids.end()).size(), 8);
  EXPECT_GE(source->reads, 8 + 2);
}

// Fails for the first `damaged` samples. Returns how many were read and replaced.
std::pair<int64_t, int64_t> read_behind(OnCorrupt on_corrupt, int64_t num_samples,
                                        int64_t damaged) {
  int64_t reads = 0, replaced = 0;
  const auto read = [&](int64_t i) {
    EXPECT_EQ(i, reads++);
    if (i < damaged) throw core::UsageError("sample " + std::to_string(i) + " is damaged");
  };
  try {
    read_or_replace(on_corrupt, num_samples, read, [&](const core::UsageError& error) {
      EXPECT_EQ(std::string(error.what()), "sample 0 is damaged");
      ++replaced;
    });
  } catch (const core::UsageError& error) {
    EXPECT_EQ(std::string(error.what()), "sample " + std::to_string(reads - 1) + " is damaged");
    return {-reads, replaced};
  }
  return {reads, replaced};
}

TEST(Replacement, TriesSamplesInTurnAndTellsTheFirstOnce) {
  using Counts = std::pair<int64_t, int64_t>;
  EXPECT_EQ(read_behind(OnCorrupt::kStop, 1000, 0), Counts(1, 0));
  EXPECT_EQ(read_behind(OnCorrupt::kStop, 1000, 1), Counts(-1, 0));
  EXPECT_EQ(read_behind(OnCorrupt::kSkip, 1000, 0), Counts(1, 0));
  EXPECT_EQ(read_behind(OnCorrupt::kSkip, 1000, 5), Counts(6, 1));
  EXPECT_EQ(read_behind(OnCorrupt::kSkip, 1000, 1000), Counts(-kMostReplacements, 1));
  EXPECT_EQ(read_behind(OnCorrupt::kSkip, 8, 8), Counts(-8, 1));
}

TEST(LoaderRetries, PassOtherErrorsAtOnce) {
  const auto source = std::make_shared<FaultySource>(8);
  source->failures = {{3, 1}};
  source->code = EACCES;
  Loader loader(source, setup_of(*source, 8));
  EXPECT_THAT(message_of<core::SystemError>(loader), HasSubstr("slow/disk.h5"));
}

TEST(LoaderRetries, GrowInPausesAndEndWithTheNumberOfAttempts) {
  int reads = 0;
  std::vector<std::chrono::milliseconds> pauses;
  const auto read = [&]() -> int {
    ++reads;
    errno = ETIMEDOUT;
    throw core::reading_error("pread", "slow/disk.h5");
  };
  try {
    with_retries(read, [&](std::chrono::milliseconds pause) { pauses.push_back(pause); });
    FAIL() << "did not end";
  } catch (const core::SystemError& error) {
    EXPECT_THAT(error.what(), HasSubstr("tried 5 times"));
    EXPECT_EQ(core::exit_code_of(error), core::kExitRestart);
  }
  EXPECT_EQ(reads, 5);
  EXPECT_EQ(pauses, std::vector(kRetryPauses.begin(), kRetryPauses.end()));
  EXPECT_TRUE(std::is_sorted(pauses.begin(), pauses.end()));
}

TEST(LoaderRetries, EndWithTheLoader) {
  const auto source = std::make_shared<FaultySource>(8);
  source->failures = {{3, 1000}};
  const auto start = std::chrono::steady_clock::now();
  {
    LoaderSetup setup = setup_of(*source, 8);
    setup.options.deadline_ms = 200;
    Loader loader(source, setup);
    EXPECT_THAT(message_of<core::SystemError>(loader), HasSubstr("sample 3 is being read"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

// The loader's threads let go of the source when they end.
void wait_for_threads_of(const std::shared_ptr<FaultySource>& source) {
  while (source.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(LoaderDeadline, NamesDrawAndFileAndLeavesTheStuckThreadBehind) {
  const auto source = std::make_shared<FaultySource>(4);
  LoaderSetup setup = setup_of(*source, 1);
  setup.options.deadline_ms = 100;
  source->stuck_id = setup.plan.sample_id(1, 0);
  {
    Loader loader(source, setup);
    loader.next();
    try {
      loader.next();
      FAIL() << "did not wait";
    } catch (const core::SystemError& error) {
      EXPECT_TRUE(error.details().restart_can_help);
      EXPECT_EQ(core::exit_code_of(error), core::kExitRestart);
      EXPECT_THAT(error.what(), HasSubstr("draw 1: not there after 100 ms"));
      EXPECT_THAT(error.what(), HasSubstr("sample " + std::to_string(source->stuck_id)));
      EXPECT_THAT(error.what(), HasSubstr("slow/disk.h5"));
    }
  }  // must not wait for the thread
  EXPECT_GT(source.use_count(), 1);
  source->go.set_value();
  wait_for_threads_of(source);
}

// A deadline of an hour, as after an error elsewhere: the message must not wait for a disk.
TEST(LoaderDeadline, TheEndWaitsForNoReadAndTheThreadReadsNoMore) {
  const auto source = std::make_shared<FaultySource>(4);
  LoaderSetup setup = setup_of(*source, 4);
  setup.options.deadline_ms = 3'600'000;
  source->stuck_id = setup.plan.sample_id(0, 0);
  {
    const Loader loader(source, setup);
    source->reads.wait(0);
  }
  EXPECT_GT(source.use_count(), 1);
  source->go.set_value();
  wait_for_threads_of(source);
  EXPECT_EQ(source->reads, 1) << "read on for a batch that nobody waits for";
}

}  // namespace
}  // namespace bbg::data
