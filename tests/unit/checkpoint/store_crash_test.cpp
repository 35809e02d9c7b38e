// Stops the world after every operation of a save in turn: whatever the disk then looks like, the
// old checkpoint or the new one is there, bit for bit.

#include <gtest/gtest.h>

#include "checkpoint/store.h"
#include "core/error.h"
#include "tests/support/crashing_file_system.h"
#include "tests/unit/checkpoint/state_fixture.h"

namespace bbg::checkpoint {
namespace {

using Failure = test::CrashingFileSystem::Failure;
using Loss = test::CrashingFileSystem::Loss;

constexpr const char* kFolder = "runs/one/checkpoints";
constexpr Loss kLosses[] = {Loss::kNothing, Loss::kContent, Loss::kHalfContent, Loss::kNames};

// Gives the loaded step, -1 for none; fails the test if the content is not that step's.
int64_t loaded_step(core::FileSystem& files) {
  const auto loaded = Store(files, kFolder, 2).load_newest(nullptr);
  if (!loaded) return -1;
  EXPECT_TRUE(test::equal_states(loaded->state, test::make_state(loaded->step)));
  return loaded->step;
}

// A disk with checkpoints of steps 1 ... `saved`, synced or not as save() left them.
std::unique_ptr<test::CrashingFileSystem> disk_with(int64_t saved, int64_t keep) {
  auto files = std::make_unique<test::CrashingFileSystem>();
  Store store(*files, kFolder, keep);
  for (int64_t step = 1; step <= saved; ++step) store.save(test::make_state(step), step);
  return files;
}

void save_step(core::FileSystem& files, int64_t step, int64_t keep) {
  Store(files, kFolder, keep).save(test::make_state(step), step);
}

int64_t operations_of_save(int64_t step, int64_t keep) {
  const auto files = disk_with(step - 1, keep);
  const int64_t before = files->operations();
  save_step(*files, step, keep);
  return files->operations() - before;
}

TEST(StoreCrash, AfterACrashAtAnyOperationTheOldOrTheNewCheckpointIsThere) {
  for (const int64_t keep : {1, 2}) {
    for (const int64_t step : {1, 2, 3, 4}) {
      const int64_t operations = operations_of_save(step, keep);
      ASSERT_GT(operations, 10);
      for (int64_t n = 0; n < operations; ++n) {
        for (const Loss loss : kLosses) {
          SCOPED_TRACE(testing::Message() << "keep " << keep << ", step " << step << ", operation "
                                          << n << ", loss " << static_cast<int>(loss));
          const auto files = disk_with(step - 1, keep);
          files->fail_after(n, Failure::kCrash);
          EXPECT_THROW(save_step(*files, step, keep), test::Crash);
          files->restart(loss);
          const int64_t old = step == 1 ? -1 : step - 1;
          const int64_t there = loaded_step(*files);
          EXPECT_TRUE(there == old || there == step) << there;
          // And the run goes on from there.
          if (there != step) save_step(*files, step, keep);
          save_step(*files, step + 1, keep);
          EXPECT_EQ(loaded_step(*files), step + 1);
          EXPECT_LE(Store(*files, kFolder, keep).steps().size(), static_cast<size_t>(keep));
        }
      }
    }
  }
}

// Step 1 is the best and the newest one step 2, which takes its place.
TEST(StoreCrash, AfterACrashAtAnyOperationTheOldOrTheNewBestIsThere) {
  const auto prepared = [] {
    auto files = disk_with(1, 1);
    Store store(*files, kFolder, 1);
    store.keep_best({1, "accuracy", 0.5});
    store.save(test::make_state(2), 2);
    return files;
  };
  const auto choose = [](core::FileSystem& files) {
    Store(files, kFolder, 1).keep_best({2, "accuracy", 0.75});
  };
  const auto whole = prepared();
  const int64_t before = whole->operations();
  choose(*whole);
  const int64_t operations = whole->operations() - before;
  ASSERT_GT(operations, 3);
  for (int64_t n = 0; n < operations; ++n) {
    for (const Loss loss : kLosses) {
      SCOPED_TRACE(testing::Message() << "operation " << n << ", loss " << static_cast<int>(loss));
      const auto files = prepared();
      files->fail_after(n, Failure::kCrash);
      EXPECT_THROW(choose(*files), test::Crash);
      files->restart(loss);
      EXPECT_EQ(loaded_step(*files), 2);
      Store store(*files, kFolder, 1);
      const auto best = store.best();
      ASSERT_TRUE(best);
      const Store::Loaded loaded = store.load_best();
      EXPECT_EQ(best->value, loaded.step == 1 ? 0.5 : 0.75);
      EXPECT_TRUE(test::equal_states(loaded.state, test::make_state(loaded.step)));
    }
  }
}

TEST(StoreCrash, ASaveThatReturnedSurvivesEveryLoss) {
  for (const Loss loss : kLosses) {
    for (const int64_t step : {1, 2, 3}) {
      const auto files = disk_with(step, 2);
      files->restart(loss);
      EXPECT_EQ(loaded_step(*files), step);
    }
  }
}

TEST(StoreCrash, ACrashWhileABrokenCheckpointIsReplacedLosesNothing) {
  const auto damaged = [] {
    auto files = disk_with(2, 2);
    files->content_of(std::string(kFolder) + "/step-00000002/state.safetensors")[100] ^= 4;
    return files;
  };
  for (int64_t n = 0;; ++n) {
    for (const Loss loss : kLosses) {
      const auto files = damaged();
      files->fail_after(n, Failure::kCrash);
      try {
        save_step(*files, 2, 2);
        EXPECT_GT(n, 10);
        return;
      } catch (const test::Crash&) {
      }
      files->restart(loss);
      const int64_t there = loaded_step(*files);
      EXPECT_TRUE(there == 1 || there == 2) << "operation " << n;
    }
  }
}

// The way up to some step is left, and going back again ends where it was to end.
TEST(StoreCrash, ACrashWhileGoingBackLeavesAWayThatCanGoBackAgain) {
  for (int64_t n = 0;; ++n) {
    for (const Loss loss : kLosses) {
      const auto files = disk_with(5, 5);
      files->fail_after(n, Failure::kCrash);
      try {
        EXPECT_EQ(Store(*files, kFolder, 5).go_back(3, nullptr).step, 2);
        EXPECT_GT(n, 5);
        return;
      } catch (const test::Crash&) {
      }
      files->restart(loss);
      const int64_t newest = loaded_step(*files);
      EXPECT_GE(newest, 2) << "operation " << n;
      const std::vector<int64_t> there = Store(*files, kFolder, 5).steps();
      for (int64_t step = 1; step <= newest; ++step) EXPECT_EQ(there.at(step - 1), step);
      EXPECT_EQ(Store(*files, kFolder, 5).go_back(3, nullptr).step, 2);
      EXPECT_EQ(loaded_step(*files), 2);
    }
  }
}

TEST(StoreCrash, AFullDiskIsASystemErrorAndTheOldCheckpointsStay) {
  int64_t failures = 0;
  const int64_t operations = operations_of_save(3, 2);
  for (int64_t n = 0; n < operations; ++n) {
    const auto files = disk_with(2, 2);
    files->fail_after(n, Failure::kDiskFull);
    try {
      save_step(*files, 3, 2);
    } catch (const core::SystemError& error) {
      ++failures;
      EXPECT_NE(std::string(error.what()).find("No space left"), std::string::npos);
      EXPECT_EQ(loaded_step(*files), 2);
      EXPECT_EQ(Store(*files, kFolder, 2).steps(), (std::vector<int64_t>{1, 2}));
      files->free_disk();
      save_step(*files, 3, 2);
    }
    EXPECT_EQ(loaded_step(*files), 3);
  }
  EXPECT_GT(failures, 5);
}

// The oracle tested: a writer without syncs or renames must be caught by it.
TEST(CrashingFileSystemTest, LosesWhatWasNotSynced) {
  test::CrashingFileSystem files;
  const auto write = [&](const std::string& path, bool sync) {
    const auto file = files.create(path);
    file->append(std::as_bytes(std::span("abcdef", 6)));
    if (sync) file->sync();
    file->close();
  };
  files.create_folders("folder");
  files.sync_folder("");
  write("folder/synced", true);
  files.sync_folder("folder");
  write("folder/unnamed", true);
  write("folder/unsynced", false);
  files.restart(Loss::kContent);
  EXPECT_EQ(files.read("folder/synced"), "abcdef");
  EXPECT_EQ(files.read("folder/unnamed"), "abcdef");
  EXPECT_EQ(files.read("folder/unsynced"), "");
  write("folder/late", true);
  files.restart(Loss::kNames);
  EXPECT_TRUE(files.exists("folder/synced"));
  EXPECT_FALSE(files.exists("folder/late"));
}

}  // namespace
}  // namespace bbg::checkpoint
