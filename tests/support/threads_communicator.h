#pragma once
// N ranks as N threads of one process, for tests of collectives without a launcher. Sums are taken
// in rank order. CPU tensors only.
//
//   run_ranks(3, [&](comm::Communicator& communicator) { ... });

#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "comm/communicator.h"

namespace bbg::testing {

// Shared by the ranks of one job.
class Meeting {
 public:
  explicit Meeting(int size) : tensors(size), texts(size), votes(size), next(size), size_(size) {}

  // Returns when all ranks are here. Throws where another rank has failed and will never come.
  void wait() {
    std::unique_lock lock(mutex_);
    const int64_t round = round_;
    if (++here_ == size_) {
      here_ = 0;
      ++round_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return round_ != round || is_broken_; });
    if (round_ == round) throw Broken();
  }
  void fail() {
    const std::lock_guard lock(mutex_);
    is_broken_ = true;
    changed_.notify_all();
  }

  struct Broken : std::runtime_error {
    Broken() : std::runtime_error("another rank has failed") {}
  };

  // Written by their rank before a wait(), read by others after it.
  std::vector<at::Tensor> tensors;
  std::vector<std::string> texts;
  std::vector<char> votes;
  std::vector<std::shared_ptr<Meeting>> next;  // for those that are split off

 private:
  const int size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int here_ = 0;
  int64_t round_ = 0;
  bool is_broken_ = false;
};

// All ranks' entries; none is overwritten before all have read it.
template <typename T>
T read(Meeting& meeting, const T& shared) {
  meeting.wait();
  T copy = shared;
  meeting.wait();
  return copy;
}

class ThreadsControl final : public comm::Control {
 public:
  ThreadsControl(Meeting& meeting, int rank, int size)
      : meeting_(meeting), rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return rank_; }
  int local_size() const override { return size_; }
  void barrier() override { meeting_.wait(); }
  std::vector<std::string> all_gather_text(const std::string& text) override {
    meeting_.texts[rank_] = text;
    return read(meeting_, meeting_.texts);
  }
  bool agree(bool ready) override {
    meeting_.votes[rank_] = ready;
    for (const char vote : read(meeting_, meeting_.votes)) ready = ready && vote;
    return ready;
  }
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }

 private:
  Meeting& meeting_;
  const int rank_, size_;
};

class ThreadsCommunicator final : public comm::Communicator {
 public:
  ThreadsCommunicator(Meeting& meeting, int rank, int size)
      : Communicator(std::make_unique<ThreadsControl>(meeting, rank, size)),
        meeting_(meeting),
        rank_(rank),
        size_(size) {}
  ThreadsCommunicator(std::shared_ptr<Meeting> meeting, int rank, int size)
      : ThreadsCommunicator(*meeting, rank, size) {
    own_meeting_ = std::move(meeting);
  }

  std::string name() const override { return "threads"; }

  void all_reduce(at::Tensor& tensor, comm::Reduce reduce) override {
    const std::vector<at::Tensor> all = exchange(tensor);
    at::Tensor result = all[0].clone();
    for (int r = 1; r < size_; ++r) {
      result = reduce == comm::Reduce::kMax ? at::maximum(result, all[r]) : result + all[r];
    }
    if (reduce == comm::Reduce::kMean) result = result / size_;
    tensor.copy_(result);
  }
  void broadcast(at::Tensor& tensor, int root) override { tensor.copy_(exchange(tensor)[root]); }
  at::Tensor all_gather(const at::Tensor& tensor) override { return at::cat(exchange(tensor)); }
  void reduce_scatter(at::Tensor& tensor, comm::Reduce reduce) override {
    at::Tensor all = tensor.clone();
    all_reduce(all, reduce);
    tensor.fill_(-1);  // nobody may count on the other rows
    comm::own_rows(tensor, rank_, size_).copy_(comm::own_rows(all, rank_, size_));
  }
  void gather_in_place(at::Tensor& tensor) override {
    tensor.copy_(all_gather(comm::own_rows(tensor, rank_, size_)));
  }
  std::unique_ptr<comm::Communicator> split(const comm::SplitOptions& options) override {
    const std::vector<std::string> groups = all_gather_text(std::to_string(options.group));
    // by_host: all threads are of one.
    int rank = 0, size = 0, first = -1;
    for (int r = 0; r < size_; ++r) {
      if (groups[r] != groups[rank_]) continue;
      if (first < 0) first = r;
      if (r < rank_) ++rank;
      ++size;
    }
    // The first of each group makes its meeting.
    if (rank_ == first) meeting_.next[rank_] = std::make_shared<Meeting>(size);
    return std::make_unique<ThreadsCommunicator>(read(meeting_, meeting_.next)[first], rank, size);
  }
  void interrupt() override { meeting_.fail(); }

 private:
  // The tensors of all ranks, as copies: each rank may change its own at once.
  std::vector<at::Tensor> exchange(const at::Tensor& tensor) {
    meeting_.tensors[rank_] = tensor.clone();
    std::vector<at::Tensor> all = read(meeting_, meeting_.tensors);
    for (const at::Tensor& other : all) {
      if (other.sizes() != tensor.sizes() || other.scalar_type() != tensor.scalar_type()) {
        throw std::logic_error("ranks called a collective with unequal tensors");
      }
    }
    return all;
  }

  std::shared_ptr<Meeting> own_meeting_;  // null unless it was split off
  Meeting& meeting_;
  const int rank_, size_;
};

// Calls `body` once per rank, each on its own thread; rethrows what a rank threw first.
inline void run_ranks(int size, const std::function<void(comm::Communicator&)>& body) {
  Meeting meeting(size);
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        ThreadsCommunicator communicator(meeting, rank, size);
        body(communicator);
      } catch (const Meeting::Broken&) {
        meeting.fail();
      } catch (...) {
        {
          const std::lock_guard lock(mutex);
          if (!failure) failure = std::current_exception();
        }
        meeting.fail();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace bbg::testing
