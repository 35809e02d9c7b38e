#include "comm/nccl_error.h"

#ifdef BBG_CUDA

#include <cuda_runtime_api.h>
#include <nccl.h>

#include "comm/make_communicator.h"
#include "core/cuda_error.h"
#include "core/error.h"

namespace bbg::comm {

void check_nccl(int code, const char* call, ncclComm* communicator, int rank) {
  if (code == ncclSuccess) return;
  std::string cause = ncclGetErrorString(static_cast<ncclResult_t>(code));
  const char* detail = ncclGetLastError(communicator);
  if (detail != nullptr && detail[0] != '\0') cause += std::string("; ") + detail;
  throw core::SystemError({.call = call,
                           .object = "",
                           .cause = cause,
                           .code = code,
                           .restart_can_help = true,
                           .rank = rank});
}

void check_cuda(int code, const char* call, const std::string& device, int rank) {
  if (code == cudaSuccess) return;
  throw core::cuda_error(code, call, device, cudaGetErrorString(static_cast<cudaError_t>(code)),
                         rank);
}

std::string nccl_version() {
  int loaded = 0;
  check_nccl(ncclGetVersion(&loaded), "ncclGetVersion", nullptr, -1);
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
