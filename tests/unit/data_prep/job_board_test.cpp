#include "data_prep/conversion/job_board.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace bbg::data_prep {
namespace {

// A network file system gives such an error of a file that was replaced since it was opened.
TEST(JobBoard, WaitsWhereAnothersFileCannotBeReadYet) {
  const test::TemporaryFolder folder;
  const RankOfJob first{.rank = 0, .size = 2, .job = "7"}, second{.rank = 1, .size = 2, .job = "7"};
  const std::string file = folder / ".job-7-0.json";
  std::filesystem::create_symlink("/proc/self/mem", file);
  std::string text;
  std::jthread follower([&] {
    JobBoard board(folder.path(), second);
    text = board.wait_for_begin();
    board.end();
  });
  // A first look fails.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  {
    JobBoard board(folder.path(), first);
    board.begin("convert");
    board.wait_for_others();
    board.end();
  }
  follower.join();
  EXPECT_EQ(text, "convert");
}

}  // namespace
}  // namespace bbg::data_prep
