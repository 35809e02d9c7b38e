#include "data_prep/conversion/rank_of_job.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/cores.h"

namespace bbg::data_prep {

namespace {

struct Launcher {
  const char *rank, *size, *on_host;
  const char* nodes;   // their number, where the launcher does not say on_host
  const char* job[3];  // together they name the job
};
// Open MPI; MPICH and Intel MPI; Slurm, of one srun. A job that Slurm took back into its queue
// keeps its number, and its steps begin with 0 again.
constexpr Launcher kLaunchers[] = {
    {"OMPI_COMM_WORLD_RANK",
     "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_SIZE",
     nullptr,
     {"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"}},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", nullptr, {"PMI_JOBID", "HYDRA_JOBID"}},
    {"SLURM_PROCID",
     "SLURM_STEP_NUM_TASKS",
     "SLURM_NTASKS_PER_NODE",
     "SLURM_STEP_NUM_NODES",
     {"SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"}}};

int number(const char* name, int otherwise) {
  const char* const text = name == nullptr ? nullptr : std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// A name that files may have.
std::string job_name(const Launcher& launcher) {
  std::string name;
  for (const char* const variable : launcher.job) {
    const char* const text = variable == nullptr ? nullptr : std::getenv(variable);
    if (text != nullptr) name += std::string("-") + text;
  }
  if (name.empty()) name = "-" + std::to_string(::getppid());  // one launcher a machine
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == ' '; }, '_');
  return name.substr(1);
}

}  // namespace

RankOfJob rank_of_job() {
  for (const Launcher& launcher : kLaunchers) {
    const int rank = number(launcher.rank, -1), size = number(launcher.size, 1);
    if (rank < 0 || size < 2) continue;
    const int nodes = std::max(1, number(launcher.nodes, size));
    return {.rank = rank,
            .size = size,
            .on_host = std::max(1, number(launcher.on_host, (size + nodes - 1) / nodes)),
            .job = job_name(launcher)};
  }
  return {};
}

int threads_of(const RankOfJob& self) {
  const auto allowed = static_cast<int>(core::own_cores().size());
  const bool is_bound = allowed < ::sysconf(_SC_NPROCESSORS_ONLN);
  return is_bound ? allowed : std::max(1, allowed / self.on_host);
}

}  // namespace bbg::data_prep
