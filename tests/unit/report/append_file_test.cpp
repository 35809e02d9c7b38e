#include "report/append_file.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

namespace bbg::report {
namespace {

class AppendFileTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  std::string path_ = folder_ / "a";
};

TEST_F(AppendFileTest, ReadersSeeEachPieceAtOnce) {
  AppendFile file(path_, 0);
  EXPECT_EQ(test::read_file(path_), "");
  file.append("one ");
  EXPECT_EQ(test::read_file(path_), "one ");
  file.append("");
  file.append(std::string(100'000, 'x'));
  EXPECT_EQ(test::read_file(path_), "one " + std::string(100'000, 'x'));
}

TEST_F(AppendFileTest, KeepsTheFirstBytesOfAnOldFileAndGoesOnBehindThem) {
  test::write_file(path_, "keep|and lose this");
  AppendFile file(path_, 4);
  EXPECT_EQ(test::read_file(path_), "keep");
  file.append("+new");
  file.close();
  EXPECT_EQ(test::read_file(path_), "keep+new");
}

TEST_F(AppendFileTest, ClosingTwiceIsFineButWritingAfterwardsIsABug) {
  AppendFile file(path_, 0);
  file.close();
  EXPECT_NO_THROW(file.close());
  EXPECT_THROW(file.append("x"), core::InternalError);
}

TEST_F(AppendFileTest, FailuresCarryCallAndPath) {
  const auto call_of_failure = [](const std::string& path, int64_t keep_bytes) {
    try {
      AppendFile(path, keep_bytes).append("x");
    } catch (const core::SystemError& error) {
      EXPECT_EQ(error.details().object, path);
      return error.details().call;
    }
    return std::string("none");
  };
  EXPECT_EQ(call_of_failure(folder_ / "absent/a", 0), "open for writing");
  EXPECT_EQ(call_of_failure(folder_.path(), 0), "open for writing");
  EXPECT_EQ(call_of_failure(path_, -1), "ftruncate");
  EXPECT_EQ(call_of_failure("/dev/full", 0), "ftruncate");  // a device has no length
}

}  // namespace
}  // namespace bbg::report
