#include "data_prep/sources/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bbg::data_prep {

void in_parallel(int64_t count, const std::function<void(int64_t)>& work) {
  constexpr int64_t kMostThreads = 16;
  std::atomic<int64_t> next = 0;
  std::mutex mutex;  // guards the two below
  int64_t failed = count;
  std::exception_ptr error;
  const auto run = [&] {
    for (int64_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        next = count;  // those before have begun
        const std::lock_guard lock(mutex);
        if (i < failed) error = std::current_exception();
        failed = std::min(failed, i);
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const int64_t others = std::min(count, kMostThreads) - 1;
    for (int64_t i = 0; i < others; ++i) threads.emplace_back(run);
    run();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace bbg::data_prep
