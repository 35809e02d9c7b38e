#include "comm/nccl_communicator.h"

#ifdef BBG_CUDA

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "comm/make_communicator.h"
#include "core/error.h"

namespace bbg::comm {

namespace {

using Clock = std::chrono::steady_clock;

core::SystemError nccl_error(ncclResult_t code, const char* call, ncclComm_t communicator,
                             int rank) {
  std::string cause = ncclGetErrorString(code);
  const char* detail = ncclGetLastError(communicator);
  if (detail != nullptr && detail[0] != '\0') cause += std::string("; ") + detail;
  return core::SystemError({.call = call,
                            .object = "",
                            .cause = cause,
                            .code = code,
                            .restart_can_help = true,
                            .rank = rank});
}

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

ncclRedOp_t operation_of(Reduce reduce) {
  return reduce == Reduce::kMax ? ncclMax : reduce == Reduce::kMean ? ncclAvg : ncclSum;
}

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(const at::Device& device, int64_t deadline_ms,
                   std::unique_ptr<Communicator> control)
      : NcclCommunicator(device, deadline_ms, *control) {
    own_control_ = std::move(control);
  }

  NcclCommunicator(const at::Device& device, int64_t deadline_ms, Communicator& control)
      : control_(control), device_(device), deadline_ms_(deadline_ms) {
    nccl_version();  // refuses a library other than the one compiled against
    const c10::cuda::CUDAGuard guard(device_);
    ncclUniqueId id;
    std::memset(&id, 0, sizeof id);
    if (rank() == 0) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
    at::Tensor bytes = at::from_blob(&id, {static_cast<int64_t>(sizeof id)}, at::kByte).clone();
    control_.broadcast(bytes, 0);
    std::memcpy(&id, bytes.data_ptr(), sizeof id);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // only a non-blocking communicator can be aborted safely
    check(ncclCommInitRankConfig(&communicator_, size(), id, rank(), &config),
          "ncclCommInitRankConfig");
  }

  ~NcclCommunicator() override {
    if (communicator_ == nullptr) return;
    const c10::cuda::CUDAGuard guard(device_);
    // Abort frees the communicator without waiting for peers that may be gone; all results were
    // waited for by then.
    ncclCommAbort(communicator_);
  }

  int rank() const override { return control_.rank(); }
  int size() const override { return control_.size(); }
  int local_rank() const override { return control_.local_rank(); }
  int local_size() const override { return control_.local_size(); }
  std::string name() const override { return "nccl"; }

  void all_reduce(at::Tensor& tensor, Reduce reduce) override {
    check_device_tensor(tensor);
    const c10::cuda::CUDAGuard guard(device_);
    check(ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), static_cast<size_t>(tensor.numel()),
                        type_of(tensor), operation_of(reduce), communicator_, stream()),
          "ncclAllReduce");
  }

  void broadcast(at::Tensor& tensor, int root) override {
    check_device_tensor(tensor);
    const c10::cuda::CUDAGuard guard(device_);
    check(ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), static_cast<size_t>(tensor.numel()),
                        type_of(tensor), root, communicator_, stream()),
          "ncclBroadcast");
  }

  at::Tensor all_gather(const at::Tensor& tensor) override {
    check_device_tensor(tensor);
    const at::Tensor own = tensor.contiguous();
    std::vector<int64_t> shape = own.sizes().vec();
    BBG_CHECK(!shape.empty(), "all_gather needs a first dimension to join along");
    shape[0] *= size();
    at::Tensor all = at::empty(shape, own.options());
    const c10::cuda::CUDAGuard guard(device_);
    check(ncclAllGather(own.data_ptr(), all.data_ptr(), static_cast<size_t>(own.numel()),
                        type_of(own), communicator_, stream()),
          "ncclAllGather");
    return all;
  }

  void reduce_scatter(at::Tensor& tensor, Reduce reduce) override {
    check_device_tensor(tensor);
    const at::Tensor own = own_rows(tensor, rank(), size());
    const c10::cuda::CUDAGuard guard(device_);
    check(ncclReduceScatter(tensor.data_ptr(), own.data_ptr(), static_cast<size_t>(own.numel()),
                            type_of(tensor), operation_of(reduce), communicator_, stream()),
          "ncclReduceScatter");
  }

  void gather_in_place(at::Tensor& tensor) override {
    check_device_tensor(tensor);
    const at::Tensor own = own_rows(tensor, rank(), size());
    const c10::cuda::CUDAGuard guard(device_);
    check(ncclAllGather(own.data_ptr(), tensor.data_ptr(), static_cast<size_t>(own.numel()),
                        type_of(tensor), communicator_, stream()),
          "ncclAllGather");
  }

  void barrier() override { control_.barrier(); }
  std::vector<std::string> all_gather_text(const std::string& text) override {
    return control_.all_gather_text(text);
  }
  bool agree(bool ready) override { return control_.agree(ready); }
  std::unique_ptr<Communicator> split(const SplitOptions& options) override {
    // What is split off is used from one host thread, in the same order on all ranks.
    return std::make_unique<NcclCommunicator>(
        device_, deadline_ms_,
        control_.split(
            {.purpose = options.purpose, .group = options.group, .by_host = options.by_host}));
  }
  void interrupt() override {}  // calls return at once
  std::string newest() const override { return control_.newest(); }
  [[noreturn]] void abort(int exit_code) override {
    control_.abort(exit_code);
    std::_Exit(exit_code);
  }

 private:
  cudaStream_t stream() const { return c10::cuda::getCurrentCUDAStream(device_.index()).stream(); }

  void check_device_tensor(const at::Tensor& tensor) const {
    BBG_CHECK(tensor.device() == device_, "a NCCL communicator serves one device only");
    BBG_CHECK(tensor.is_non_overlapping_and_dense(), "a collective needs a dense tensor");
  }

  // A non-blocking call may be under way still when it returns: polls until it is enqueued, within
  // the deadline.
  void check(ncclResult_t code, const char* call) {
    const auto start = Clock::now();
    while (code == ncclInProgress) {
      ncclResult_t state = ncclSuccess;
      const ncclResult_t query = ncclCommGetAsyncError(communicator_, &state);
      if (query != ncclSuccess)
        throw nccl_error(query, "ncclCommGetAsyncError", communicator_, rank());
      code = state;
      if (code == ncclInProgress && deadline_ms_ > 0 &&
          Clock::now() - start > std::chrono::milliseconds(deadline_ms_)) {
        throw core::SystemError({.call = call,
                                 .object = "",
                                 .cause = "not finished within comm.deadline-ms",
                                 .restart_can_help = true,
                                 .rank = rank()});
      }
      std::this_thread::yield();
    }
    if (code != ncclSuccess) throw nccl_error(code, call, communicator_, rank());
  }

  std::unique_ptr<Communicator> own_control_;  // of what was split off
  Communicator& control_;
  at::Device device_;
  int64_t deadline_ms_;
  ncclComm_t communicator_ = nullptr;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(const at::Device& device, int64_t deadline_ms,
                                                     Communicator& control) {
  return std::make_unique<NcclCommunicator>(device, deadline_ms, control);
}

std::string nccl_version() {
  int loaded = 0;
  const ncclResult_t code = ncclGetVersion(&loaded);
  if (code != ncclSuccess) throw nccl_error(code, "ncclGetVersion", nullptr, -1);
  const auto text = [](int version) {
    return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
           std::to_string(version % 100);
  };
  if (loaded != NCCL_VERSION_CODE) {
    throw core::SystemError(
        {.call = "ncclGetVersion",
         .object = "libnccl.so.2",
         .cause = "version " + text(loaded) + " is loaded, but bbg_dist was built against " +
                  text(NCCL_VERSION_CODE) + "; remove other NCCL folders from LD_LIBRARY_PATH"});
  }
  return text(loaded);
}

}  // namespace bbg::comm

#endif  // BBG_CUDA
