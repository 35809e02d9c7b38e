#include "core/open_files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

namespace bbg::core {
namespace {

// The process may open as many files as the system lets it, within reason, whatever its shell asks
// for.
TEST(OpenFiles, TheLimitIsRaisedToWhatTheSystemAllows) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(open_file_limit(), 64);
  raise_open_file_limit();
  EXPECT_EQ(open_file_limit(),
            static_cast<int64_t>(std::min<rlim_t>(before.rlim_max, kEnoughOpenFiles)));
  // A limit that is higher already stays.
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  raise_open_file_limit();
  EXPECT_GE(open_file_limit(),
            static_cast<int64_t>(std::min<rlim_t>(before.rlim_cur, before.rlim_max)));
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace bbg::core
