#include "comm/nccl_under_way.h"

#ifdef BBG_CUDA

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <string>

#include "comm/nccl_error.h"

namespace bbg::comm {

void NcclUnderWay::add(int64_t sequence, cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  if (free_events_.empty()) {
    free_events_.emplace_back();
    check_cuda(cudaEventCreateWithFlags(&free_events_.back(), cudaEventDisableTiming),
               "cudaEventCreateWithFlags", device_.str(), rank_);
  }
  check_cuda(cudaEventRecord(free_events_.back(), stream), "cudaEventRecord", device_.str(), rank_);
  under_way_.push_back({sequence, free_events_.back()});
  free_events_.pop_back();
}

// On a thread of the watchdog's, which is on GPU 0 unless it is told otherwise and would open a
// context there.
void NcclUnderWay::poll(Watched& watched) {
  const auto has_failed = [&](cudaError_t state) {
    if (state == cudaSuccess) return false;
    watched.fail(std::string("the GPU reports: ") + cudaGetErrorString(state));
    return true;
  };
  if (has_failed(cudaSetDevice(device_.index()))) return;
  const std::lock_guard lock(mutex_);
  while (!under_way_.empty()) {
    const One& oldest = under_way_.front();
    const cudaError_t state = cudaEventQuery(oldest.event);
    if (state == cudaErrorNotReady) break;
    if (has_failed(state)) return;
    watched.leave(oldest.sequence);
    free_events_.push_back(oldest.event);
    under_way_.pop_front();
  }
  ncclResult_t state = ncclSuccess;
  // A pure query of a blocking communicator.
  const ncclResult_t query = ncclCommGetAsyncError(communicator_, &state);
  if (query != ncclSuccess) state = query;
  if (state == ncclSuccess || state == ncclInProgress) return;
  watched.fail(std::string("NCCL reports: ") + ncclGetErrorString(state));
}

void NcclUnderWay::free() {
  const std::lock_guard lock(mutex_);
  for (const One& one : under_way_) cudaEventDestroy(one.event);
  for (const cudaEvent_t event : free_events_) cudaEventDestroy(event);
  under_way_.clear();
  free_events_.clear();
}

}  // namespace bbg::comm

#endif  // BBG_CUDA
