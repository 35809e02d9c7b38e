#include "data_prep/lone_process.h"

#include <cstdlib>
#include <string>

#include "core/error.h"

namespace bbg::data_prep {

namespace {

struct Names {
  const char *rank, *size;
};
// Open MPI; MPICH and Intel MPI; Slurm, of one srun.
constexpr Names kLaunchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                {"PMI_RANK", "PMI_SIZE"},
                                {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}};

}  // namespace

void refuse_further_processes() {
  for (const Names& names : kLaunchers) {
    const char *const rank = std::getenv(names.rank), *const size = std::getenv(names.size);
    if (rank == nullptr || size == nullptr) continue;
    if (std::atoi(rank) > 0 && std::atoi(size) > 1) {
      throw core::UsageError(std::string("data_prep works alone, and this is process ") + rank +
                                 " of " + size + " of a job",
                             "start it without mpirun or srun; it uses all cores by itself");
    }
  }
}

}  // namespace bbg::data_prep
