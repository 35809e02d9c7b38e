#include "comm/launcher.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/unique_handle.h"

extern char** environ;

namespace bbg::comm {

namespace {

// Open MPI 4.1's server takes about 10 MiB, and waits for ever where it gets less.
constexpr uintmax_t kServerBytes = 16 << 20;

int number(const char* text) { return text == nullptr ? 0 : std::atoi(text); }

// Those that lead MPI to Slurm's or another launcher's server. PMIX_MCA_* are users' settings.
bool leads_to_server(std::string_view name) {
  return name == "SLURM_STEP_ID" || name == "SLURM_STEPID" || name == "SLURM_STEP_NUM_TASKS" ||
         name.starts_with("PMI_") || (name.starts_with("PMIX_") && !name.starts_with("PMIX_MCA_"));
}

std::string temporary_folder(std::string* variable) {
  for (const char* name : {"TMPDIR", "TEMP", "TMP"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    *variable = name;
    return value;
  }
  *variable = "TMPDIR is not set";
  return "/tmp";
}

// Writes and removes a file; the error's number, or 0.
int try_to_write(const std::string& folder) {
  std::string path = folder + "/bbg_dist_XXXXXX";
  const core::Descriptor file(::mkstemp(path.data()));
  if (!file) return errno;
  ::unlink(path.c_str());
  const std::vector<char> zeros(4096);
  return ::write(file.get(), zeros.data(), zeros.size()) < 0 ? errno : 0;
}

}  // namespace

Launcher find_launcher(const Environment& environment) {
  Launcher launcher;
  const int in_step = number(environment("SLURM_STEP_NUM_TASKS"));
  const int by_pmi = number(environment("PMI_SIZE"));
  if (const int by_open_mpi = number(environment("OMPI_COMM_WORLD_SIZE")); by_open_mpi > 0) {
    launcher.name = "mpirun";
    launcher.ranks = by_open_mpi;
  } else if (by_pmi > 0 && by_pmi != in_step) {
    launcher.name = "mpiexec";
    launcher.ranks = by_pmi;
  } else if (in_step > 0) {
    launcher.name = "srun";
    launcher.ranks = in_step;
    launcher.has_server = environment("PMIX_RANK") != nullptr || by_pmi > 0;
    if (environment("PMIX_RANK") == nullptr && by_pmi > 1 && number(environment("PMI_RANK")) == 0) {
      launcher.note = "srun offers PMI, but no PMIx; if MPI does not start, " + launcher.advice();
    }
    // Ranks of a heterogeneous job may be in other steps.
    launcher.is_lone_step = in_step == 1 && environment("SLURM_HET_SIZE") == nullptr &&
                            environment("SLURM_PACK_SIZE") == nullptr;
  }
  return launcher;
}

std::string Launcher::advice() const {
  if (name == "srun") {
    return "type: srun --mpi=pmix ... (srun --mpi=list shows what this Slurm has), or launch/run, "
           "which does";
  }
  return "use the " + name + " of the MPI that bbg_dist was built with, or launch/run";
}

core::UsageError Launcher::apart(const std::string& problem) const {
  return core::UsageError(name + " started " + std::to_string(ranks) + " processes" + problem,
                          advice());
}

void Launcher::check_server() const {
  if (has_server || ranks == 1) return;
  throw apart(" that cannot find one another: each would be a run of its own in one folder");
}

void Launcher::check_size(int size) const {
  if (size > 1 || ranks == 1) return;
  throw apart(", but MPI knows of one rank: each would be a run of its own in one folder");
}

void hide_lone_step() {
  std::vector<std::string> hidden;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (leads_to_server(name)) hidden.emplace_back(name);
  }
  for (const std::string& name : hidden) ::unsetenv(name.c_str());
  // Open MPI 4 would start a daemon beside it, which asks Slurm again.
  ::setenv("OMPI_MCA_ess_singleton_isolated", "1", /*overwrite=*/0);
}

void check_temporary_folder(const Launcher& launcher) {
  std::string variable;
  const std::string folder = temporary_folder(&variable);
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);  // as MPI does
  int code = problem ? problem.value() : try_to_write(folder);
  // A rank of a launcher has that one's server.
  if (code == 0 && launcher.name.empty()) {
    const auto space = std::filesystem::space(folder, problem);
    if (!problem && space.available < kServerBytes) code = ENOSPC;
  }
  if (code == 0) return;
  throw core::UsageError("the folder for temporary files, " + folder + " (" + variable +
                             "), does not take what MPI needs, 16 MiB: " + std::strerror(code),
                         "set TMPDIR to a folder with room that you may write to");
}

}  // namespace bbg::comm
