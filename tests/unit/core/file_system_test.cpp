#include "core/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "core/error.h"
#include "tests/support/crashing_file_system.h"
#include "tests/support/temporary_folder.h"

namespace bbg::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class FileSystemTest : public testing::Test {
 protected:
  // The action must throw a SystemError of this call and code that carries the path.
  void expect_failure(const std::function<void()>& action, const std::string& call,
                      const std::string& path, int code) {
    try {
      action();
      ADD_FAILURE() << call << " of " << path << " did not throw";
    } catch (const SystemError& error) {
      EXPECT_EQ(error.details().call, call);
      EXPECT_THAT(error.details().object, HasSubstr(path));
      EXPECT_EQ(error.details().code, code);
      EXPECT_FALSE(error.details().cause.empty());
    }
  }
  void write(const std::string& path, const std::string& content) {
    const auto file = files_->create(path);
    file->append(bytes_of(content));
    file->close();
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<FileSystem> files_ = make_posix_file_system();
};

TEST_F(FileSystemTest, WhatIsWrittenInPiecesReadsBackAsTheWhole) {
  const std::string text("line\n\0\xff binary", 14), big(1'000'000, 'x');
  const auto file = files_->create(folder_ / "a");
  file->append(bytes_of(text));
  file->append({});
  file->append(bytes_of(big));
  file->sync();
  file->close();
  EXPECT_EQ(files_->read(folder_ / "a"), text + big);
}

TEST_F(FileSystemTest, AnEmptyFileReadsBackEmpty) {
  write(folder_ / "a", "");
  EXPECT_TRUE(files_->exists(folder_ / "a"));
  EXPECT_EQ(files_->read(folder_ / "a"), "");
}

// The kernel says that this file has 0 bytes.
TEST_F(FileSystemTest, AFileOfUnknownSizeIsReadToItsEnd) {
  EXPECT_THAT(files_->read("/proc/self/status"), HasSubstr("Pid:"));
}

// A checkpoint may take most of the memory: reading it must not need twice as much.
TEST_F(FileSystemTest, AFileIsReadIntoMemoryOfItsSize) {
  for (const size_t size : {1'000'000, 1'048'576, 4096}) {
    write(folder_ / "a", std::string(size, 'x'));
    const std::string content = files_->read(folder_ / "a");
    EXPECT_EQ(content.size(), size);
    EXPECT_LT(content.capacity(), size + 4096) << size;
  }
}

// Reading this file's first bytes fails as a disk does.
TEST_F(FileSystemTest, AFailureToReadMayPass) {
  expect_failure([&] { files_->read("/proc/self/mem"); }, "read", "/proc/self/mem", EIO);
  try {
    files_->read("/proc/self/mem");
  } catch (const SystemError& error) {
    EXPECT_TRUE(error.details().restart_can_help);
  }
}

TEST_F(FileSystemTest, TryingToReadGivesNothingWhereThereIsNothingToRead) {
  write(folder_ / "a", "text");
  EXPECT_EQ(try_read(folder_ / "a"), "text");
  EXPECT_EQ(try_read(folder_ / "b"), std::nullopt);
  EXPECT_EQ(try_read(folder_.path()), std::nullopt);
  EXPECT_EQ(try_read("/proc/self/mem"), std::nullopt);
}

// To a caller, "no" would mean to begin anew.
TEST_F(FileSystemTest, ExistenceThatCannotBeToldIsAnError) {
  const std::string loop = folder_ / "loop";
  std::filesystem::create_symlink(loop, loop);
  expect_failure([&] { files_->exists(loop); }, "access", loop, ELOOP);
  write(folder_ / "file", "");
  EXPECT_FALSE(files_->exists(folder_ / "file/inside"));
}

TEST_F(FileSystemTest, CreatingTruncates) {
  write(folder_ / "a", "a long text");
  write(folder_ / "a", "short");
  EXPECT_EQ(files_->read(folder_ / "a"), "short");
}

TEST_F(FileSystemTest, AFileThatWasNotClosedHoldsWhatWasAppended) {
  files_->create(folder_ / "a")->append(bytes_of("text"));
  EXPECT_EQ(files_->read(folder_ / "a"), "text");
}

TEST_F(FileSystemTest, ExistsKnowsFilesAndFolders) {
  EXPECT_FALSE(files_->exists(folder_ / "a"));
  write(folder_ / "a", "");
  EXPECT_TRUE(files_->exists(folder_ / "a"));
  EXPECT_TRUE(files_->exists(folder_.path()));
}

TEST_F(FileSystemTest, ListIsSortedAndHoldsNamesOfFilesAndFolders) {
  for (const char* name : {"c", "a", "B", "a10", "a9"}) write(folder_ / name, "");
  files_->create_folders(folder_ / "b/inner");
  EXPECT_THAT(files_->list(folder_.path()), ElementsAre("B", "a", "a10", "a9", "b", "c"));
}

TEST_F(FileSystemTest, ListOfAnEmptyOrAbsentFolderIsEmpty) {
  EXPECT_THAT(files_->list(folder_.path()), IsEmpty());
  EXPECT_THAT(files_->list(folder_ / "absent"), IsEmpty());
  EXPECT_THAT(files_->list(folder_ / "absent/deeper"), IsEmpty());
}

// To a caller that looks for checkpoints, "none" would mean to begin anew.
TEST_F(FileSystemTest, ListOfWhatCannotBeListedIsAnError) {
  write(folder_ / "file", "");
  expect_failure([&] { files_->list(folder_ / "file"); }, "list", folder_ / "file", ENOTDIR);
}

TEST_F(FileSystemTest, CreateFoldersMakesAllAboveAndMayBeRepeated) {
  files_->create_folders(folder_ / "a/b/c");
  files_->create_folders(folder_ / "a/b/c");
  EXPECT_THAT(files_->list(folder_ / "a/b"), ElementsAre("c"));
}

TEST_F(FileSystemTest, RenameMovesAndReplaces) {
  write(folder_ / "from", "new");
  write(folder_ / "to", "old");
  files_->rename(folder_ / "from", folder_ / "to");
  EXPECT_THAT(files_->list(folder_.path()), ElementsAre("to"));
  EXPECT_EQ(files_->read(folder_ / "to"), "new");
}

TEST_F(FileSystemTest, RemoveAllTakesWhatIsInsideAndAbsenceIsNoError) {
  files_->create_folders(folder_ / "a/b");
  write(folder_ / "a/b/c", "");
  files_->remove_all(folder_ / "a");
  EXPECT_THAT(files_->list(folder_.path()), IsEmpty());
  EXPECT_NO_THROW(files_->remove_all(folder_ / "a"));
}

TEST_F(FileSystemTest, AFolderCanBeSynced) { EXPECT_NO_THROW(files_->sync_folder(folder_.path())); }

TEST_F(FileSystemTest, ErrorsOfAMissingPathCarryIt) {
  const std::string absent = folder_ / "absent";
  expect_failure([&] { files_->read(absent); }, "open", absent, ENOENT);
  expect_failure([&] { files_->create(absent + "/a"); }, "open for writing", absent + "/a", ENOENT);
  expect_failure([&] { files_->sync_folder(absent); }, "open folder", absent, ENOENT);
  expect_failure([&] { files_->rename(absent, folder_ / "b"); }, "rename",
                 absent + " to " + (folder_ / "b"), ENOENT);
}

TEST_F(FileSystemTest, ErrorsOfAFolderThatIsAFileOrTheReverseCarryThePath) {
  const std::string file = folder_ / "file", inner = folder_ / "inner";
  write(file, "");
  files_->create_folders(inner);
  expect_failure([&] { files_->create_folders(file + "/a"); }, "mkdir", file + "/a", ENOTDIR);
  expect_failure([&] { files_->remove_all(file + "/a"); }, "remove", file + "/a", ENOTDIR);
  expect_failure([&] { files_->sync_folder(file); }, "open folder", file, ENOTDIR);
  expect_failure([&] { files_->read(inner); }, "read", inner, EISDIR);
  expect_failure([&] { files_->create(inner); }, "open for writing", inner, EISDIR);
}

// A device that is always full and cannot be synced.
TEST_F(FileSystemTest, ErrorsOfTheDeviceCarryThePath) {
  const auto full = files_->create("/dev/full");
  expect_failure([&] { full->append(bytes_of("x")); }, "write", "/dev/full", ENOSPC);
  expect_failure([&] { full->sync(); }, "fsync", "/dev/full", EINVAL);
  full->close();
  expect_failure([&] { full->close(); }, "close", "/dev/full", EBADF);
}

TEST_F(FileSystemTest, WriteAtomicallyReplacesAndLeavesNothingBeside) {
  write_atomically(*files_, folder_ / "a", "old");
  write_atomically(*files_, folder_ / "a", "new");
  EXPECT_EQ(files_->read(folder_ / "a"), "new");
  EXPECT_THAT(files_->list(folder_.path()), ElementsAre("a"));
}

TEST_F(FileSystemTest, WriteAtomicallyTakesOverALeftover) {
  write(folder_ / "a.partial", "a longer text that a kill left behind");
  write_atomically(*files_, folder_ / "a", "new");
  EXPECT_EQ(files_->read(folder_ / "a"), "new");
  EXPECT_THAT(files_->list(folder_.path()), ElementsAre("a"));
}

TEST_F(FileSystemTest, WriteAtomicallyKeepsTheOldFileWhenItFails) {
  files_->create_folders(folder_ / "taken/inner");
  expect_failure([&] { write_atomically(*files_, folder_ / "taken", "x"); }, "rename",
                 folder_ / "taken", EISDIR);
  EXPECT_THAT(files_->list(folder_ / "taken"), ElementsAre("inner"));
  expect_failure([&] { write_atomically(*files_, folder_ / "absent/a", "x"); }, "open for writing",
                 folder_ / "absent/a", ENOENT);
}

using test::CrashingFileSystem;
constexpr CrashingFileSystem::Loss kLosses[] = {
    CrashingFileSystem::Loss::kNothing, CrashingFileSystem::Loss::kContent,
    CrashingFileSystem::Loss::kHalfContent, CrashingFileSystem::Loss::kNames};

// A disk whose folder holds "a" with the text "old", durably.
std::unique_ptr<CrashingFileSystem> disk_with_old_file() {
  auto files = std::make_unique<CrashingFileSystem>();
  files->create_folders("folder");
  files->sync_folder(".");
  write_atomically(*files, "folder/a", "old");
  return files;
}

TEST(WriteAtomically, AfterACrashAtAnyOperationTheOldOrTheNewContentIsThere) {
  const auto whole = disk_with_old_file();
  const int64_t before = whole->operations();
  write_atomically(*whole, "folder/a", "new");
  const int64_t operations = whole->operations() - before;
  EXPECT_GE(operations, 5);  // create, write, sync, rename, sync of the folder
  for (int64_t n = 0; n < operations; ++n) {
    for (const auto loss : kLosses) {
      const auto files = disk_with_old_file();
      files->fail_after(n, CrashingFileSystem::Failure::kCrash);
      EXPECT_THROW(write_atomically(*files, "folder/a", "new"), test::Crash);
      files->restart(loss);
      EXPECT_THAT(files->read("folder/a"), testing::AnyOf("old", "new")) << n;
    }
  }
}

TEST(WriteAtomically, WhatItReturnedFromSurvivesEveryLoss) {
  for (const auto loss : kLosses) {
    const auto files = disk_with_old_file();
    write_atomically(*files, "folder/a", "new");
    files->restart(loss);
    EXPECT_EQ(files->read("folder/a"), "new");
  }
}

TEST(WriteAtomically, SyncsTheWorkingFolderForAPathWithoutFolder) {
  CrashingFileSystem files;
  write_atomically(files, "a", "new");
  files.restart(CrashingFileSystem::Loss::kNames);
  EXPECT_EQ(files.read("a"), "new");
}

}  // namespace
}  // namespace bbg::core
