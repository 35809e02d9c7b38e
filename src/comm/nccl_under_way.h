#pragma once
// The collectives of one NCCL communicator that its GPU has not ended yet, as far as is known: each
// has an event behind it on its stream. A poll of the watchdog's shares it with the communicator.
// Thread-safe. Defined only with BBG_CUDA.

#include <c10/core/Device.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "comm/watched.h"

struct ncclComm;
struct CUevent_st;
struct CUstream_st;

namespace bbg::comm {

class NcclUnderWay {
 public:
  NcclUnderWay(const c10::Device& device, ncclComm* communicator, int rank)
      : device_(device), communicator_(communicator), rank_(rank) {}

  // `sequence` was enqueued on `stream` just now. SystemError where CUDA refuses.
  void add(int64_t sequence, CUstream_st* stream);
  // Leaves those that have ended, and tells of failures that CUDA or NCCL reports by itself.
  void poll(Watched& watched);
  // Before the end, where no poll is under way: one that does not come back keeps the events.
  void free();

 private:
  struct One {
    int64_t sequence;
    CUevent_st* event;  // comes when it has ended
  };

  const c10::Device device_;
  ncclComm* const communicator_;
  const int rank_;
  std::mutex mutex_;
  // Under the mutex:
  std::deque<One> under_way_;  // oldest first
  std::vector<CUevent_st*> free_events_;
};

}  // namespace bbg::comm
