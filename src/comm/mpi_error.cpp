#include "comm/mpi_error.h"

#include <mpi.h>

#include <string>

#include "core/error.h"

namespace bbg::comm {

void check_mpi(int code, const char* call, int rank) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw core::SystemError({.call = call,
                           .object = "",
                           .cause = std::string(text, static_cast<size_t>(length)),
                           .code = code,
                           .restart_can_help = true,
                           .rank = rank});
}

}  // namespace bbg::comm
