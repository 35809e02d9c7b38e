#pragma once
// The calls of MPI that this project makes, on one MPI communicator, each checked: SystemError
// names the call. Every call is a collective of the group's ranks unless it says otherwise; counts
// are of elements of `type`. One thread at a time.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/collectives.h"

namespace bbg::comm {

class MpiGroup {
 public:
  // All ranks of the job, on a duplicate of MPI_COMM_WORLD.
  static MpiGroup of_job();
  // The ranks of this group that give the same number, in the order of `order`.
  MpiGroup split(int group, int order) const;
  // The ranks of this group that are on this host, in the group's order.
  MpiGroup on_this_host() const;

  MpiGroup(MpiGroup&&) noexcept;
  ~MpiGroup();  // frees nothing, since that waits for the other ranks, which may not come
  void free();

  int rank() const;
  int size() const;
  int in_job() const;  // this rank's number in MPI_COMM_WORLD, for messages

  void barrier();
  void all_reduce(void* data, int count, at::ScalarType type, Reduce reduce);  // kMean: the sum
  void broadcast(void* data, int count, at::ScalarType type, int root);
  // `own` of each rank to `all`, in rank order. Null: it is in its place there.
  void all_gather(const void* own, void* all, int count, at::ScalarType type);
  // Reduces size * count elements of `data`; `own` gets this rank's `count`.
  void reduce_scatter(const void* data, void* own, int count, at::ScalarType type, Reduce reduce);
  std::vector<std::string> all_gather_text(const std::string& text);
  bool all_of(bool own);
  std::vector<int> all_gather(int own);

  // Not a collective: reduces `from` into `into`.
  void reduce_local(const void* from, void* into, int count, at::ScalarType type, Reduce reduce);
  // Sends to the next rank, and receives from the one before. Looks for its end now and then, so
  // that the core is free for who computes. SystemError where `is_given_up` says so meanwhile.
  void pass_on(const void* send, int send_count, void* receive, int receive_count,
               at::ScalarType type, const std::function<bool()>& is_given_up);

  // Memory that the ranks of the group, all on one host, share: `bytes` of each, one after the
  // other in rank order. Freed with the group.
  struct Shared {
    void *first, *own;
  };
  Shared share(int64_t bytes);

  // Whether MPI serves several threads at a time. Not a collective.
  static bool serves_threads();
  // Ends all ranks of the job. Not a collective.
  [[noreturn]] static void abort_job(int exit_code);

 private:
  struct Handles;
  explicit MpiGroup(std::unique_ptr<Handles> handles);

  std::unique_ptr<Handles> handles_;
};

}  // namespace bbg::comm
