#pragma once
// Threads that libtorch's functions take while this lives.

#include <ATen/Parallel.h>

namespace bbg::testing {

class ThreadsOfTorch {
 public:
  explicit ThreadsOfTorch(int threads) : before_(at::get_num_threads()) {
    at::set_num_threads(threads);
  }
  ~ThreadsOfTorch() { at::set_num_threads(before_); }
  ThreadsOfTorch(const ThreadsOfTorch&) = delete;
  ThreadsOfTorch& operator=(const ThreadsOfTorch&) = delete;

 private:
  int before_;
};

}  // namespace bbg::testing
