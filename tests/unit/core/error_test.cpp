#include "core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

namespace bbg::core {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(UsageErrorTest, ShowsItsHintOnALineOfItsOwnAndExitsWith2) {
  const UsageError error("data folder x does not exist", "check the path");
  EXPECT_EQ(exit_code_of(error), 2);
  EXPECT_STREQ(error.what(), "data folder x does not exist");
  EXPECT_EQ(error.hint(), "check the path");
  EXPECT_EQ(message_of(error), "data folder x does not exist\n  hint: check the path");
}

TEST(UsageErrorTest, NeedsNoHint) {
  EXPECT_EQ(message_of(UsageError("no data set is given")), "no data set is given");
}

TEST(SystemErrorTest, TellsCallObjectCauseCodeAndRank) {
  const SystemError error({.call = "MPI_Allreduce",
                           .object = "bucket 3",
                           .cause = "peer is gone",
                           .code = 17,
                           .rank = 2});
  EXPECT_EQ(message_of(error),
            "MPI_Allreduce failed for bucket 3: peer is gone (code 17) on rank 2");
  EXPECT_EQ(error.details().call, "MPI_Allreduce");
  EXPECT_EQ(error.details().object, "bucket 3");
  EXPECT_EQ(error.details().cause, "peer is gone");
  EXPECT_EQ(error.details().code, 17);
  EXPECT_EQ(error.details().rank, 2);
}

TEST(SystemErrorTest, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(message_of(SystemError({.call = "pread", .object = "", .cause = ""})), "pread failed");
  EXPECT_EQ(message_of(SystemError({.call = "NCCL", .object = "", .cause = "", .rank = 0})),
            "NCCL failed on rank 0");
}

TEST(SystemErrorTest, ExitsWith75OnlyIfARestartCanHelp) {
  SystemError::Details details{.call = "pread", .object = "a", .cause = "a disk is gone"};
  EXPECT_EQ(exit_code_of(SystemError(details)), 1);
  details.restart_can_help = true;
  EXPECT_EQ(exit_code_of(SystemError(details)), 75);
}

TEST(SystemErrorTest, PosixErrorTakesCodeAndTextFromErrno) {
  errno = ENOSPC;
  const SystemError error = posix_error("write", "folder/file");
  EXPECT_EQ(error.details().code, ENOSPC);
  EXPECT_EQ(error.details().cause, std::strerror(ENOSPC));
  EXPECT_THAT(message_of(error), HasSubstr("write failed for folder/file: "));
  EXPECT_EQ(exit_code_of(error), 1);
}

TEST(SystemErrorTest, TooManyOpenFilesAreToldWithTheirLimit) {
  errno = EMFILE;
  const SystemError error = posix_error("open", "shard");
  EXPECT_EQ(error.details().code, EMFILE);
  EXPECT_THAT(message_of(error), AllOf(HasSubstr("Too many open files"), HasSubstr("may have "),
                                       HasSubstr("ulimit -n")));
}

TEST(SystemErrorTest, AFailureToReadMayPassWhereTheDiskMayComeBack) {
  for (const int code : {EIO, ESTALE, ETIMEDOUT, EHOSTDOWN}) {
    errno = code;
    const SystemError error = reading_error("pread", "shard");
    EXPECT_EQ(error.details().code, code);
    EXPECT_EQ(exit_code_of(error), 75) << error.what();
  }
  for (const int code : {EACCES, ENOENT, EISDIR, EMFILE}) {
    errno = code;
    EXPECT_EQ(exit_code_of(reading_error("open", "shard")), 1) << code;
  }
}

TEST(CheckTest, AHoldingConditionIsEvaluatedOnceAndPasses) {
  int evaluations = 0;
  BBG_CHECK(++evaluations == 1, "counts");
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckTest, ABrokenConditionThrowsInternalErrorWithConditionTextAndPlaceAndExitsWith70) {
  try {
    BBG_CHECK(1 + 1 == 3, "sums are off");
    FAIL() << "did not throw";
  } catch (const InternalError& error) {
    EXPECT_EQ(exit_code_of(error), 70);
    EXPECT_THAT(message_of(error),
                AllOf(HasSubstr("sums are off"), HasSubstr("1 + 1 == 3 does not hold"),
                      HasSubstr("error_test.cpp:"), HasSubstr("bug of bbg_dist")));
  }
}

// A macro of one statement: an else after it belongs to the if before it.
TEST(CheckTest, StandsWhereAStatementMayStand) {
  bool is_else = false;
  if (is_else)
    BBG_CHECK(false, "never reached");
  else
    is_else = true;
  EXPECT_TRUE(is_else);
}

TEST(ErrorTest, MessageLeavesOutTheBacktraceOfLibtorch) {
  const std::runtime_error error("sizes differ\nException raised from f at f.cpp:1\nframe #0");
  EXPECT_EQ(message_of(error), "sizes differ");
}

TEST(ExitCodeTest, AnyOtherExceptionIsAPlainFailureWithItsOwnText) {
  const std::runtime_error error("out of something");
  EXPECT_EQ(exit_code_of(error), 1);
  EXPECT_EQ(message_of(error), "out of something");
  // The base class of InternalError is not yet a bug of ours.
  EXPECT_EQ(exit_code_of(std::logic_error("of a library")), 1);
}

}  // namespace
}  // namespace bbg::core
