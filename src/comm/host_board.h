#pragma once
// A board in memory that the ranks of a host share: each writes which collectives it has entered,
// so that naming the late ones needs no message from them. Entries are read while their owners
// write them; one thread at a time writes a rank's own.

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "comm/collective_record.h"

namespace bbg::comm {

// One rank's line. Zero-initialised memory is a valid start.
struct BoardEntry {
  static constexpr int64_t kRecent = 32;

  std::atomic<int64_t> sequence;  // number of the newest collective that this rank has entered
  std::atomic<int64_t> rank;      // its number in the job + 1; 0: not written yet
  std::atomic<int64_t> process;   // process id, to tell the dead from the slow
  std::atomic<int64_t> expired;   // 1: a wait of this rank has passed its deadline
  std::atomic<uint64_t> recent[kRecent];  // digests of the newest, at sequence % kRecent
};

class HostBoard {
 public:
  // `entries`: `size` of them, which outlive this object; `own` is the index of this rank's, which
  // is signed here with `rank`, its number in the job.
  HostBoard(BoardEntry* entries, int size, int own, int rank);

  int size() const { return size_; }
  std::vector<int> ranks() const;  // numbers in the job, as far as they are written
  int64_t sequence() const { return own().sequence; }

  void enter(int64_t sequence, Operation operation, int64_t bytes);
  // Ranks that entered something else under the same number, for a message; else empty.
  std::string differing(const Collective& one) const;
  // Ranks that have not entered `sequence`, for a message; else empty.
  std::string late(int64_t sequence) const;

  void set_expired() { own().expired = 1; }
  bool is_any_expired() const;

 private:
  BoardEntry& own() const { return entries_[own_]; }

  BoardEntry* entries_;
  int size_, own_;
};

}  // namespace bbg::comm
