#pragma once
// The checks that follow every call of NCCL, and of CUDA for it. Defined only with BBG_CUDA, as
// nccl_version() of make_communicator.h is.

#include <string>

struct ncclComm;

namespace bbg::comm {

// SystemError with NCCL's own text where `code`, a ncclResult_t, is a failure. `communicator` may
// be null. `rank`: in the job; -1: not known.
void check_nccl(int code, const char* call, ncclComm* communicator, int rank);
// The same for `code`, a cudaError_t of `device`.
void check_cuda(int code, const char* call, const std::string& device, int rank);

}  // namespace bbg::comm
