#pragma once
// The check that follows every call of MPI.

namespace bbg::comm {

// SystemError with MPI's own text where `code` is a failure. `rank`: in the job; -1: not known yet.
void check_mpi(int code, const char* call, int rank);

}  // namespace bbg::comm
