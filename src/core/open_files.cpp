#include "core/open_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace bbg::core {

void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;  // then it stays as it is
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kEnoughOpenFiles);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int64_t open_file_limit() {
  rlimit limit{};
  constexpr auto kMost = std::numeric_limits<int64_t>::max();
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMost;
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, kMost));
}

}  // namespace bbg::core
