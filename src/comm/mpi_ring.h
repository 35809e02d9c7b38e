#pragma once
// All-reduce in two halves, as a ring: in size - 1 rounds each part of the data goes once around
// and gathers its sum, the last at its own rank; in size - 1 more every rank gets the finished
// parts. The order of summation of a part starts with the rank behind its own. (MPI_Iallreduce of
// Open MPI 4.1 sends all of the data one way and then back on two and three ranks, which takes
// twice as long.) Its waits leave the core to who computes.

#include <cstdint>
#include <vector>

#include "comm/mpi_control.h"

namespace bbg::comm {

class MpiRing {
 public:
  // `data`: [count] elements of `type`, in place. `room` is kept between rings, since it is large.
  MpiRing(MpiControl& control, void* data, int count, at::ScalarType type, std::vector<char>& room);

  // Leaves the rank's own part.
  void reduce(Reduce reduce);
  // Its inverse: every rank's own part, to all.
  void gather();

 private:
  // Parts by number, modulo size.
  int64_t border(int index) const { return int64_t{count_} * index / size_; }
  int index_of(int part) const { return (part + 2 * size_) % size_; }
  char* begin(int part) const { return data_ + border(index_of(part)) * element_bytes_; }
  int length(int part) const {
    return static_cast<int>(border(index_of(part) + 1) - border(index_of(part)));
  }
  // Sends part `sent` and receives `part`.
  void exchange(int sent, void* into, int part);

  MpiControl& control_;
  char* data_;
  int count_;
  at::ScalarType type_;
  std::vector<char>& room_;
  int64_t element_bytes_;
  int rank_, size_;
};

}  // namespace bbg::comm
