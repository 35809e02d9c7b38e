#include "comm/nccl_communicator.h"

#ifdef BBG_CUDA

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "comm/make_communicator.h"
#include "comm/nccl_error.h"
#include "comm/nccl_under_way.h"
#include "comm/watchdog.h"
#include "core/error.h"
#include "core/unwinding.h"

namespace bbg::comm {

namespace {

ncclDataType_t type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kHalf:
      return ncclFloat16;
    case at::kLong:
      return ncclInt64;
    case at::kInt:
      return ncclInt32;
    case at::kByte:
      return ncclUint8;
    default:
      break;
  }
  BBG_CHECK(false,
            std::string("NCCL cannot send tensors of type ") + at::toString(tensor.scalar_type()));
}

// A mean is a sum that is divided afterwards: ncclAvg would switch off what serves sums alone.
ncclRedOp_t operation_of(Reduce reduce) { return reduce == Reduce::kMax ? ncclMax : ncclSum; }

// Memory of ncclMemAlloc, kept by the communicator until it ends and by the tensor that lies in it,
// which may live longer.
struct Window {
  void* memory = nullptr;
  ncclWindow_t handle = nullptr;  // null where the ranks cannot share memory

  Window() = default;
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window() {
    if (memory != nullptr) ncclMemFree(memory);
  }
  void close(ncclComm_t communicator) {
    if (handle != nullptr) ncclCommWindowDeregister(communicator, handle);
    handle = nullptr;
  }
};

class NcclCommunicator final : public Communicator {
 public:
  // `host`: over MPI, of the same ranks, for this communicator alone.
  NcclCommunicator(const at::Device& device, int64_t deadline_ms,
                   std::unique_ptr<Communicator> host)
      : Communicator(host->control()),
        host_(std::move(host)),
        device_(device),
        deadline_ms_(deadline_ms) {
    nccl_version();  // refuses a library other than the one compiled against
    // Collectives of several communicators, on several streams, in the host's order: in another
    // order on each rank's GPU they could wait for each other for ever.
    if (size() > 1) ::setenv("NCCL_LAUNCH_ORDER_IMPLICIT", "1", /*overwrite=*/0);
    const c10::cuda::CUDAGuard guard(device_);
    const ncclUniqueId id = share_unique_id();
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    // Blocking, and watched: docs/decisions/0007-gpu.md.
    config.blocking = 1;
    ::setenv("NCCL_COMM_BLOCKING", "1", /*overwrite=*/1);  // it would win over `config`
    {
      const Watchdog::Wait wait(watchdog(), "ncclCommInitRankConfig");
      check(ncclCommInitRankConfig(&communicator_, size(), id, rank(), &config),
            "ncclCommInitRankConfig");
    }
    under_way_ = std::make_shared<NcclUnderWay>(device_, communicator_, rank());
    if (deadline_ms_ > 0 && watchdog() != nullptr) {
      watchdog()->set_poll([shared = under_way_](Watched& watched) { shared->poll(watched); });
    }
  }

  ~NcclCommunicator() override {
    if (communicator_ == nullptr) return;
    // A poll that does not come back goes on using what it looks at, which is left as it is.
    if (watchdog() != nullptr && !watchdog()->set_poll(nullptr)) return;
    const c10::cuda::CUDAGuard guard(device_);
    // The other ranks may not come to close theirs.
    if (!unwinding_.is_under_way()) {
      for (const auto& window : windows_) window->close(communicator_);
    }
    under_way_->free();
    const Watchdog::Wait wait(watchdog(), "ncclCommAbort");
    // Abort frees the communicator without waiting for ranks that may be gone; all results were
    // waited for by then.
    ncclCommAbort(communicator_);
  }

  std::string name() const override { return "nccl"; }

  void all_reduce(at::Tensor& tensor, Reduce reduce) override {
    enqueue(Operation::kAllReduce, "ncclAllReduce", tensor, [&](cudaStream_t stream) {
      return ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), count(tensor), type_of(tensor),
                           operation_of(reduce), communicator_, stream);
    });
    if (reduce == Reduce::kMean) tensor.div_(size());
  }

  void broadcast(at::Tensor& tensor, int root) override {
    enqueue(Operation::kBroadcast, "ncclBroadcast", tensor, [&](cudaStream_t stream) {
      return ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), count(tensor), type_of(tensor),
                           root, communicator_, stream);
    });
  }

  at::Tensor all_gather(const at::Tensor& tensor) override {
    const at::Tensor own = tensor.contiguous();
    std::vector<int64_t> shape = own.sizes().vec();
    BBG_CHECK(!shape.empty(), "all_gather needs a first dimension to join along");
    shape[0] *= size();
    at::Tensor all = at::empty(shape, own.options());
    enqueue(Operation::kAllGather, "ncclAllGather", own, [&](cudaStream_t stream) {
      return ncclAllGather(own.data_ptr(), all.data_ptr(), count(own), type_of(own), communicator_,
                           stream);
    });
    return all;
  }

  void reduce_scatter(at::Tensor& tensor, Reduce reduce) override {
    at::Tensor own = own_rows(tensor, rank(), size());
    enqueue(Operation::kReduceScatter, "ncclReduceScatter", tensor, [&](cudaStream_t stream) {
      return ncclReduceScatter(tensor.data_ptr(), own.data_ptr(), count(own), type_of(tensor),
                               operation_of(reduce), communicator_, stream);
    });
    if (reduce == Reduce::kMean) own.div_(size());
  }

  void gather_in_place(at::Tensor& tensor) override {
    const at::Tensor own = own_rows(tensor, rank(), size());
    enqueue(Operation::kAllGather, "ncclAllGather", tensor, [&](cudaStream_t stream) {
      return ncclAllGather(own.data_ptr(), tensor.data_ptr(), count(own), type_of(tensor),
                           communicator_, stream);
    });
  }

  at::Tensor shared_zeros(int64_t elements, const at::TensorOptions& options) override {
    const c10::cuda::CUDAGuard guard(device_);
    const auto bytes = static_cast<size_t>(elements) * options.dtype().itemsize();
    const auto window = std::make_shared<Window>();
    check(ncclMemAlloc(&window->memory, bytes), "ncclMemAlloc");
    windows_.push_back(window);
    {
      const Watchdog::Wait wait(watchdog(), "ncclCommWindowRegister");
      check(ncclCommWindowRegister(communicator_, window->memory, bytes, &window->handle,
                                   NCCL_WIN_COLL_SYMMETRIC),
            "ncclCommWindowRegister");
    }
    at::Tensor tensor = at::from_blob(
        window->memory, {elements}, [held = window](void*) {}, options);
    return tensor.zero_();
  }

  bool is_sum_faster() const override { return true; }

  std::unique_ptr<Communicator> split(const SplitOptions& options) override {
    // Both are used from one host thread, in the same order on all ranks.
    return std::make_unique<NcclCommunicator>(
        device_, deadline_ms_,
        host_->split(
            {.purpose = options.purpose, .group = options.group, .by_host = options.by_host}));
  }

 private:
  static size_t count(const at::Tensor& tensor) { return static_cast<size_t>(tensor.numel()); }

  // Enqueues one collective on the current stream and has it watched.
  template <class Call>
  void enqueue(Operation operation, const char* name, const at::Tensor& tensor, Call call) {
    BBG_CHECK(tensor.device() == device_, "a NCCL communicator serves one device only");
    BBG_CHECK(tensor.is_non_overlapping_and_dense(), "a collective needs a dense tensor");
    const c10::cuda::CUDAGuard guard(device_);
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream(device_.index()).stream();
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(stream, &capture), "cudaStreamIsCapturing");
    // A recorded one is made later, any number of times: the next one that is not waits behind it.
    if (capture != cudaStreamCaptureStatusNone || watchdog() == nullptr) {
      const Watchdog::Wait wait(watchdog(), name);
      check(call(stream), name);
      return;
    }
    const int64_t sequence = watchdog()->enter(operation, static_cast<int64_t>(tensor.nbytes()));
    try {
      check(call(stream), name);
      if (deadline_ms_ > 0) {
        under_way_->add(sequence, stream);
        return;
      }
    } catch (...) {
      watchdog()->leave(sequence);
      throw;
    }
    watchdog()->leave(sequence);  // nobody waits
  }

  // Rank 0's, on all ranks.
  ncclUniqueId share_unique_id() {
    ncclUniqueId id;
    std::memset(&id, 0, sizeof id);
    if (rank() == 0) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
    at::Tensor bytes = at::from_blob(&id, {static_cast<int64_t>(sizeof id)}, at::kByte).clone();
    host_->broadcast(bytes, 0);
    std::memcpy(&id, bytes.data_ptr(), sizeof id);
    return id;
  }

  void check(cudaError_t code, const char* call) const {
    check_cuda(code, call, device_.str(), rank());
  }
  void check(ncclResult_t code, const char* call) const {
    check_nccl(code, call, communicator_, rank());
  }

  std::unique_ptr<Communicator> host_;
  at::Device device_;
  core::Unwinding unwinding_;
  int64_t deadline_ms_;
  ncclComm_t communicator_ = nullptr;
  std::shared_ptr<NcclUnderWay> under_way_;  // shared with the watchdog's poll, which may hang
  std::vector<std::shared_ptr<Window>> windows_;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(const at::Device& device, int64_t deadline_ms,
                                                     Communicator& control) {
  return std::make_unique<NcclCommunicator>(device, deadline_ms,
                                            control.split({.purpose = "nccl"}));
}

}  // namespace bbg::comm

#endif  // BBG_CUDA
