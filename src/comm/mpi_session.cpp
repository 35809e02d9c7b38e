#include <mpi.h>

#include <cstdio>

#include "comm/launcher.h"
#include "comm/make_communicator.h"
#include "comm/mpi_error.h"
#include "core/error.h"

namespace bbg::comm {

MpiSession::MpiSession() {
  const Launcher launcher = find_launcher();
  launcher.check_server();
  if (launcher.is_lone_step) hide_lone_step();
  check_temporary_folder(launcher);
  if (!launcher.note.empty()) std::fprintf(stderr, "note: %s\n", launcher.note.c_str());
  int provided = 0;
  // More than one thread is for an exchange in the background alone; split() asks what there is.
  const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
  if (code != MPI_SUCCESS || provided < MPI_THREAD_FUNNELED) {
    throw core::SystemError({.call = "MPI_Init_thread",
                             .object = "",
                             .cause = "MPI_THREAD_FUNNELED is not available",
                             .code = code});
  }
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler",
            -1);
  int size = 1;
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size", -1);
  try {
    launcher.check_size(size);
  } catch (const core::UsageError&) {
    MPI_Finalize();
    throw;
  }
}

MpiSession::~MpiSession() { MPI_Finalize(); }

}  // namespace bbg::comm
